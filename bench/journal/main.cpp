#include <cstdio>
#include <cstring>
#include <exception>

#include "programs.hpp"

namespace {

struct Subcommand {
  const char* name;
  void (*run)(const limits::Options&);
  const char* options;
};

constexpr Subcommand kSubcommands[] = {
    {"load", sluice::journal::run_load,
     "[--parties 1000] [--seconds 30] [--rounds 5] [--arrive spread|together|indexed] [--dir D]: a block a second of "
     "each\n"
     "             party; alone, with followers, and beside a bare loop"},
    {"questions", sluice::journal::run_questions,
     "[--in sqlite|postgres] [--records 100000000] [--chunk-bytes 524288] [--rounds 7] [--dir D]: the slowest and\n"
     "             all errors of so many operation records"},
    {"memory", sluice::journal::run_memory,
     "[--records 1000000000] [--cache-blocks 2048] [--dir D]: memory while they are packed and appended"},
};

}  // namespace

/// What the journal costs, in whole journals on a disk. Files are made in D, by default the program's folder, and
/// removed at the end.
int main(int argc, char** argv) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (argc < 2 || std::strcmp(argv[1], subcommand.name) != 0) continue;
    try {
      subcommand.run(limits::Options(argc - 2, argv + 2));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
    return 0;
  }
  std::fprintf(stderr, "usage: bench_journal SUBCOMMAND --key value ...\n");
  for (const Subcommand& subcommand : kSubcommands) {
    std::fprintf(stderr, "  %-10s %s\n", subcommand.name, subcommand.options);
  }
  return 2;
}
