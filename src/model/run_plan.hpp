#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/distributed.hpp"
#include "model/operation.hpp"

namespace sluice::model {

/// How large objects are. Sizes in bytes.
struct SizeSpec {
  enum class Kind : std::uint8_t { Fixed, Uniform, Lognormal, Histogram };
  struct Bin {
    std::uint64_t size = 0;
    double weight = 0;
  };
  Kind kind = Kind::Fixed;
  std::uint64_t min = 0;  ///< Fixed: the size itself (min == max)
  std::uint64_t max = 0;
  double mean = 0;  ///< Lognormal: of the size itself, not of its logarithm
  double std_dev = 0;
  std::vector<Bin> bins;  ///< Histogram

  static SizeSpec fixed(std::uint64_t bytes) { return {.kind = Kind::Fixed, .min = bytes, .max = bytes}; }
};

/// What fills written blocks. Random and Prand differ between any two 512-byte sectors; Zero is zeroes.
enum class Fill : std::uint8_t { Random, Prand, Zero };

/// What written data is like: its filling, and how far it can be deduplicated and compressed.
struct DataSpec {
  Fill fill = Fill::Random;
  std::uint32_t dedup_factor = 1;     ///< 1 of N 4 KiB blocks is unique; 1 = all
  std::uint32_t compress_factor = 1;  ///< N:1 with zstd -1; 1 = incompressible
};

/// Where inside large files read and write go.
struct Access {
  enum class Kind : std::uint8_t { Sequential, Random, Strided, Zipf };
  Kind kind = Kind::Random;
  double theta = 0.99;       ///< Zipf
  std::uint64_t stride = 0;  ///< Strided: bytes between the starts of two blocks
};

enum class Fsync : std::uint8_t { None, Each, End };

/// One line of the workload.
struct Operation {
  OpKind kind = OpKind::Get;
  std::string path;  ///< a key, a prefix ending in '/', or a glob; relative to the target, or a full URI
  std::uint32_t weight = 1;
  std::optional<std::uint32_t> concurrency;  ///< cap of this operation's share in flight, per host
  std::string destination;                   ///< copy and rename: prefix of the new names
  SizeSpec size;                             ///< put
  DataSpec data;                             ///< put and write
  std::uint64_t block_size = 4096;           ///< read and write
  Access access;
  Fsync fsync = Fsync::None;
  std::uint64_t offset = 0;                  ///< read and write: where the used range begins
  std::optional<std::uint64_t> range_bytes;  ///< read and write: its length; absent = to the end of the file
  bool verify = false;                       ///< get and read: the content is checked
  int line = 0;                              ///< of the plan, for messages; 0 where there is none
};

/// Arrival of operations. Without a rate the loop is closed.
struct IoRate {
  enum class Distribution : std::uint8_t { Exponential, Uniform, Deterministic };
  double iops = 0;  ///< of the whole run; 0 = as fast as possible ("max"), which is a closed loop
  Distribution distribution = Distribution::Exponential;
  struct Step {
    double iops = 0;
    base::Nanos duration{0};
  };
  std::vector<Step> steps;  ///< one rate after the other, in place of `iops`
};

/// The arithmetic tree (spec: benchmark.md, "Prepare"). No directories or files are ever listed in memory.
struct TreeShape {
  std::uint64_t width = 1;
  std::uint32_t depth = 1;
  std::uint64_t files_per_dir = 0;
  bool all_levels = false;  ///< false: files in the bottom level only
  std::string dir_mask = "d%d_w%d.dir";
  bool operator==(const TreeShape&) const = default;
};

/// A set of objects that must exist before the load starts: flat, or the files of a tree.
struct Dataset {
  std::string base_uri;  ///< ends in '/'
  std::uint64_t count = 0;
  SizeSpec size;
  DataSpec data;
  std::optional<TreeShape> tree;
  int line = 0;
};

enum class PrepareStrategy : std::uint8_t { Sequential, Parallel };
enum class CleanupMode : std::uint8_t { Strict, Tolerant, BestEffort };

/// What must exist before the load starts, and how it is made and removed.
struct Prepare {
  std::vector<Dataset> datasets;
  bool skip_verification = false;
  bool force_overwrite = false;
  PrepareStrategy strategy = PrepareStrategy::Sequential;
  base::Nanos post_prepare_delay{0};
  std::uint32_t key_prefix_shards = 0;
  CleanupMode cleanup_mode = CleanupMode::Tolerant;
};

enum class StageType : std::uint8_t { Prepare, Execute, Cleanup, Custom, Validation, Hybrid };
std::string_view name_of(StageType type);

/// Does the stage run the workload? Such stages put load on the storage for its own sake, and a run is judged by them.
constexpr bool is_load(StageType type) { return type == StageType::Execute || type == StageType::Hybrid; }

enum class Completion : std::uint8_t { Duration, TasksDone, ScriptExit, ValidationPassed, DurationOrTasks };

/// One step of a run. A field that names a type has a meaning for that type only.
struct Stage {
  std::string name;
  StageType type = StageType::Execute;
  Completion completion = Completion::Duration;
  base::Nanos duration{0};                        ///< Execute; Hybrid: max_duration
  std::optional<base::Nanos> timeout;             ///< of the whole stage; Custom: default 600 s
  bool optional = false;                          ///< its failure does not end the run
  bool drop_caches = false;                       ///< sync and drop the page cache before it
  std::optional<std::uint64_t> expected_tasks;    ///< Hybrid: operations
  std::optional<std::uint64_t> expected_objects;  ///< Prepare, Validation
  std::string command;                            ///< Custom
  std::vector<std::string> args;
  std::optional<BarrierFigures> barrier;  ///< with several agents: in place of those of its type
  int line = 0;
};

/// How many failed operations a run bears, and whether one is tried again.
struct ErrorHandling {
  std::uint64_t max_total_errors = 100;
  double error_rate_threshold = 5;  ///< errors a second
  base::Nanos error_rate_window{1'000'000'000};
  base::Nanos backoff_duration{5'000'000'000};
  bool retry_on_error = false;
  std::uint32_t max_retries = 3;
  base::Nanos initial_retry_delay{100'000'000};
  base::Nanos max_retry_delay{5'000'000'000};
  double retry_backoff_multiplier = 2;
  double retry_jitter_factor = 0.25;               ///< each delay is drawn from 1 +- this, times the delay
  base::Nanos operation_timeout{120'000'000'000};  ///< of one operation, its tries together
};

/// Large objects as several ranges at a time.
struct RangeEngine {
  bool enabled = false;
  std::uint64_t chunk_size = std::uint64_t{64} << 20;
  std::uint32_t max_concurrent_ranges = 16;
  std::uint64_t min_split_size = std::uint64_t{16} << 20;  ///< smaller objects are one request
  base::Nanos range_timeout{30'000'000'000};
};

enum class PageCacheMode : std::uint8_t { None, Auto, Sequential, Random, DontNeed, Normal };

/// One verdict asked of the results: `get.p99 < 20ms`, `errors == 0`, `put.ops_per_s > 5000`.
struct Threshold {
  enum class Metric : std::uint8_t {
    Min,
    Mean,
    P50,
    P90,
    P95,
    P99,
    P999,
    P9999,
    Max,
    OpsPerSecond,
    BytesPerSecond,
    Errors,
    Count
  };
  enum class Compare : std::uint8_t { Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual };
  std::string text;            ///< as given
  std::optional<OpKind> kind;  ///< absent: all operations together
  Metric metric = Metric::Errors;
  Compare compare = Compare::Equal;
  double value = 0;  ///< ns for latencies, bytes, or a count
};

/// Something the plan asks for that this version accepts but does not run; `run` refuses it by name.
struct Unbuilt {
  std::string feature;  ///< "multi_endpoint", "distributed agents", "s3:// targets", ...
  int line = 0;
};

/// Everything a run needs to know, resolved: every default is filled in, every unit is a number.
/// Made by `config` from YAML or by `app` from a URI; nothing in it refers to the text it came from but `line`.
struct RunPlan {
  std::string name;                ///< of the plan file without its ending, or of the target
  std::string target;              ///< base URI, ends in '/'; "" where every path is a full URI
  std::uint32_t concurrency = 16;  ///< operations in flight on this host
  std::uint32_t workers = 0;       ///< loop threads; 0 = number of cores
  std::vector<int> cpus;           ///< workers are pinned to these, in turn; empty = not pinned
  std::vector<Operation> workload;
  Prepare prepare;
  std::vector<Stage> stages;  ///< in order; implicit ones are already written out
  IoRate io_rate;
  PageCacheMode page_cache_mode = PageCacheMode::None;
  base::Nanos warmup{0};
  base::Nanos drain_timeout{30'000'000'000};
  ErrorHandling errors;
  std::vector<Threshold> thresholds;
  std::uint64_t seed = 0;  ///< of everything drawn during the run
  std::uint64_t dataset_seed =
      1;  ///< of the datasets' sizes and contents: always the same, so that a dataset can be used again (docs/adr/0004)
  bool dynamic_put_pool = false;
  base::Nanos perf_interval{1'000'000'000};
  std::string perf_log_path = "perf_log.tsv";
  std::string op_log_path;  ///< every operation goes there, relative to the results; "" = nowhere
  bool verify = false;      ///< all get and read operations check what they read
  RangeEngine range_engine;
  std::optional<MultiEndpoint> multi_endpoint;
  std::optional<Distributed> distributed;
  bool delete_foreign = false;     ///< --yes-delete-foreign
  bool overwrite_device = false;   ///< --yes-overwrite-device
  bool remove_everything = false;  ///< a run without a plan: its own folder goes at the end
  std::vector<Unbuilt> unbuilt;
  std::vector<std::string> warnings;  ///< keys known but without effect here, each once
};

}  // namespace sluice::model
