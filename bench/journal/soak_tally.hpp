#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"

namespace sluice::journal {

/// What guests of a journal do.
enum class Call : std::uint8_t { Append, Read, Stream, Follow, Change };
inline constexpr std::size_t kCalls = 5;

/// How calls of one kind have ended, and by how much one has outlived its deadline.
struct CallEnds {
  std::uint64_t done = 0, failed = 0;
  std::map<base::Code, std::uint64_t> codes;  ///< of the failed
  base::Nanos overrun_max{0};
};

/// What became of all calls, and whatever went wrong. Any thread.
class Tally {
 public:
  /// `deadline` is when it had to end, by its caller or by the journal. A failure that no guest should see in such a
  /// run (Corrupt, Internal, ...) is something wrong.
  void note(Call call, const base::Error* error, base::Instant deadline);
  /// Something that must not be; told at the end.
  void wrong(std::string what);

  CallEnds of(Call call) const;
  std::vector<std::string> wrongs() const;
  std::uint64_t wrongs_count() const;

 private:
  static constexpr std::size_t kWrongsMax = 20;  ///< that are kept in words

  mutable std::mutex mutex_;
  std::array<CallEnds, kCalls> ends_;
  std::vector<std::string> wrongs_;
  std::uint64_t wrongs_count_ = 0;
};

}  // namespace sluice::journal
