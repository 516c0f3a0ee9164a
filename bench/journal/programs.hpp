#pragma once

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "../limits/measure.hpp"
#include "base/error.hpp"

namespace sluice::journal {

/// The value; a failure ends the program with its text.
template <class T>
T must(base::Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", to_text(result.error()));
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The subcommands; each measures one thing and prints its table.
void run_load(const limits::Options& options);
void run_questions(const limits::Options& options);
void run_memory(const limits::Options& options);

}  // namespace sluice::journal
