// Sizes, durations and counts as people write them. What is accepted is shown in a form that is accepted, and means the
// same within the digits that are shown.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;

/// Of sizes and short times three digits are shown; of long times the two largest units: half an hour of a day is lost.
constexpr double kThreeDigits = 0.0051;
constexpr double kTwoUnits = 0.021;

bool is_near(double shown, double meant, double error_max) { return std::abs(shown - meant) <= error_max * meant; }

void check_size(std::string_view text) {
  const auto size = base::parse_size(text);
  if (!size) return;
  const auto exact = base::parse_size(std::to_string(*size));
  fuzz::expect(exact && *exact == *size, "a size in bytes is itself");
  constexpr std::uint64_t kUnnamedFrom = std::uint64_t{1} << 60;  // there is no unit above PiB
  if (*size >= kUnnamedFrom / 1024 * 1023) return;
  const auto shown = base::parse_size(base::format_size(*size));
  fuzz::expect(shown && is_near(static_cast<double>(*shown), static_cast<double>(*size), kThreeDigits),
               "a size is shown as it is");
}

void check_duration(std::string_view text) {
  const auto duration = base::parse_duration(text);
  if (!duration) return;
  fuzz::expect(duration->count() >= 0, "no duration is negative");
  const auto exact = base::parse_duration(std::to_string(duration->count()) + "ns");
  fuzz::expect(exact && *exact == *duration, "a duration in nanoseconds is itself");
  if (*duration > base::Nanos{INT64_MAX / 2}) return;  // rounding may pass the end
  const auto shown = base::parse_duration(base::format_duration(*duration));
  fuzz::expect(shown && is_near(static_cast<double>(shown->count()), static_cast<double>(duration->count()), kTwoUnits),
               "a duration is shown as it is");
}

void check_count(std::string_view text) {
  const auto count = base::parse_count(text);
  if (!count) return;
  const auto shown = base::parse_count(base::format_count(*count));
  fuzz::expect(shown && *shown == *count, "a count is shown as it is");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::vector<std::string> samples = {"1_000_000", "1,000,000 KiB", "1.5GiB", "8 MB", "1h 30m",
                                                   "2d",        "250ms",         "0.5"};
  return fuzz::mutate(samples, data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_size(text);
  check_duration(text);
  check_count(text);
  return 0;
}
