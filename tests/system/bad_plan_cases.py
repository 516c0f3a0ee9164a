"""Plans and command lines that are refused before anything runs: exit code 2, and an error in four parts."""

_GET = 'workload: [{op: get, path: "*"}]\n'
_PUT = 'workload: [{op: put, path: "new/", object_size: 4KiB}]\n'
_TARGET = "target: file:///DIR/data/\n"


def _refused(case, plan, *arguments):
    case.make_dir("data")
    case.plan(plan)
    case.fails(2, "run", "plan.yaml", *arguments)
    assert not case.path("results").exists()


def yaml_that_cannot_be_parsed(case):
    _refused(case, "target: [1\nworkload: x\n")


def a_tab_in_the_indentation_is_called_one(case):
    _refused(case, _TARGET + 'workload:\n\t- {op: get, path: "*"}\n')


def a_bracket_that_closes_a_brace(case):
    _refused(case, _TARGET + 'workload: [{op: get, path: "*"]\n')


def a_plan_that_is_no_map(case):
    _refused(case, "- just\n- a list\n")


def an_unknown_key_is_named_with_what_was_meant(case):
    _refused(case, _TARGET + "duraton: 1s\n" + _GET)


def an_unknown_key_deep_in_the_plan(case):
    _refused(case, _TARGET + 'workload:\n  - {op: get, path: "*", wieght: 3}\n')


def a_key_that_stands_twice(case):
    _refused(case, _TARGET + "duration: 1s\nduration: 2s\n" + _GET)


def a_value_of_the_wrong_type(case):
    _refused(case, _TARGET + "concurrency: many\n" + _GET)


def a_value_out_of_range(case):
    _refused(case, _TARGET + "concurrency: 1_000_000\n" + _GET)


def a_size_that_is_none(case):
    _refused(case, _TARGET + 'workload: [{op: put, path: "new/", object_size: 4 potatoes}]\n')


def two_keys_that_contradict_each_other(case):
    _refused(case, _TARGET + "prepare:\n  ensure_objects:\n"
             '    - {base_uri: "file:///DIR/data/", count: 4, object_size: 4KiB, min_size: 1KiB, max_size: 2KiB}\n' + _GET)


def a_tree_whose_count_is_not_its_files(case):
    _refused(case, _TARGET + "prepare:\n  directory_structure: {width: 2, depth: 2, files_per_dir: 10}\n"
             '  ensure_objects: [{base_uri: "file:///DIR/data/", count: 41, object_size: 4KiB}]\n' + _GET)


def a_tree_too_large_to_be_counted(case):
    _refused(case, _TARGET + "prepare:\n  directory_structure: {width: 1_000_000, depth: 9, files_per_dir: 10}\n"
             '  ensure_objects: [{base_uri: "file:///DIR/data/", count: 0, object_size: 4KiB}]\n' + _GET)


def a_workload_that_is_missing(case):
    _refused(case, _TARGET)


def a_target_that_is_missing_is_missed_by_all_that_hang_below_it(case):
    _refused(case, 'workload: [{op: get, path: "set/*"}]\n'
             "prepare: {ensure_objects: [{base_uri: set, count: 4, object_size: 1KiB}]}\n")


def a_relative_target_is_the_only_complaint(case):
    _refused(case, 'target: data/\nworkload: [{op: get, path: "set/*"}]\n'
             "prepare: {ensure_objects: [{base_uri: set, count: 4, object_size: 1KiB}]}\n")


def an_operation_that_does_not_exist(case):
    _refused(case, _TARGET + 'workload: [{op: fetch, path: "*"}]\n')


def a_threshold_on_an_operation_the_plan_lacks(case):
    _refused(case, _TARGET + _GET + 'thresholds: ["put.p99 < 5ms"]\n')


def a_threshold_that_cannot_be_read(case):
    _refused(case, _TARGET + _GET + 'thresholds: ["get.p99 <> 5ms"]\n')


def a_malformed_glob_with_its_column(case):
    _refused(case, _TARGET + 'workload: [{op: get, path: "a/b[c"}]\n')


def a_path_that_leaves_the_target(case):
    _refused(case, _TARGET + 'workload: [{op: get, path: "../other/*"}]\n')


def a_target_with_an_unknown_scheme(case):
    _refused(case, "target: ftp://host/data/\n" + _GET)


def objects_are_refused_by_name(case):
    _refused(case, "target: s3://bucket/prefix/\n" + _GET)


def agents_are_refused_by_name(case):
    _refused(case, _TARGET + _GET + "distributed:\n  agents:\n    - {address: \"127.0.0.1:7167\"}\n")


def several_unbuilt_parts_are_all_named(case):
    _refused(case, _TARGET + _PUT + "distributed: {agents: [node1]}\nrange_engine: {enabled: true}\n"
             "io_rate: {steps: [{iops: 10, duration: 5s}]}\n")


def an_unbuilt_command_is_refused_by_name(case):
    case.fails(2, "agent", "--listen", "127.0.0.1:7167")


def an_unknown_command(case):
    case.fails(2, "rnu", "plan.yaml")


def an_unknown_option(case):
    case.fails(2, "run", "plan.yaml", "--durration", "1s")


def an_option_with_a_value_that_is_none(case):
    case.plan(_TARGET + _GET)
    case.fails(2, "run", "plan.yaml", "--duration", "soon")


def a_command_line_without_a_command(case):
    case.fails(2)


def results_of_later_versions_are_refused_by_name(case):
    case.fails(2, "results", "compare")


def a_command_that_ends_too_early(case):
    case.fails(2, "results")


def an_unknown_option_without_a_command(case):
    case.fails(2, "--jsonn")


def a_seed_that_is_below_zero(case):
    case.fails(2, "run", "null://x/", "--seed", "-1")


def a_uri_without_an_absolute_path(case):
    case.make_dir("data")
    case.fails(2, "run", "file://data/")


def objects_without_a_plan_are_refused_by_name(case):
    case.fails(2, "run", "s3://bucket/")


def a_plan_that_is_not_there(case):
    case.fails(2, "run", "plam.yaml")


def a_plan_to_validate_that_is_not_there(case):
    case.fails(2, "validate", "plam.yaml")


def a_plan_whose_name_is_empty(case):
    case.fails(2, "run", "")


def a_results_directory_whose_name_is_empty(case):
    case.fails(2, "run", "null://x/", "--results", "")


def a_null_target_with_an_unknown_parameter(case):
    case.fails(2, "run", "null://x/?sise=4KiB")


def a_null_target_with_a_size_that_is_none(case):
    case.fails(2, "run", "null://x/?size=big")


def a_plan_that_may_not_be_read(case):
    case.plan(_TARGET + _GET).chmod(0)
    case.fails(2, "run", "plan.yaml", as_nobody=True)


def only_names_a_stage_that_is_not_in_the_plan(case):
    _refused(case, _TARGET + _GET, "--only", "exceute")


def only_and_skip_leave_nothing(case):
    _refused(case, _TARGET + _GET, "--skip", "execute")


def a_cpu_that_the_machine_does_not_have(case):
    _refused(case, _TARGET + _GET, "--cpus", "0,4097")


def a_list_of_cpus_that_is_none(case):
    _refused(case, _TARGET + _GET, "--cpus", "1-x")


def set_names_a_key_that_does_not_exist(case):
    _refused(case, _TARGET + _GET, "--set", "workload[0].wieght=5")


def set_names_an_operation_that_the_plan_lacks(case):
    _refused(case, _TARGET + _GET, "--set", "workload[7].weight=5")


def a_run_without_a_plan_on_a_file(case):
    case.write("just-a-file.dat", "not a plan: [")
    case.fails(2, "run", "file:///" + str(case.path("just-a-file.dat"))[1:])


def cleanup_wants_a_plan(case):
    case.make_dir("data")
    case.fails(2, "cleanup", "data")


def rebuild_of_an_empty_log_replaces_nothing(case):
    case.write("data/log/local.seg")
    case.write("data/summary.json", "{}")
    case.fails(1, "results", "rebuild", "data")
    assert case.path("data/summary.json").read_text() == "{}"


def rebuild_of_a_directory_without_a_log(case):
    case.make_dir("data")
    case.fails(1, "results", "rebuild", "data")
