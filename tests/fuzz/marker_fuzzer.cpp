// The marker of a dataset, which lies where anybody may write. What is accepted is written and read again, to the same.
#include <string>
#include <string_view>
#include <vector>

#include "dataset/marker.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;

std::vector<std::string> marker_samples() {
  dataset::Marker whole{.plan_hash = "0123456789abcdef0123456789abcdef",
                        .seed = UINT64_MAX,
                        .objects = 64'032'768,
                        .directories = 346'200,
                        .directories_made = true,
                        .made_by = "run"};
  whole.share(0, 2).positions.add(0, 1000);
  whole.share(0, 2).positions.add(2000, 3000);
  whole.share(1, 2).positions.add(5, UINT64_MAX);
  return {dataset::to_text(whole), dataset::to_text({.plan_hash = "x"})};
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::vector<std::string> samples = marker_samples();
  return fuzz::mutate(samples, data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto marker = dataset::parse_marker({reinterpret_cast<const char*>(data), size}, "file:///t/marker");
  if (!marker) {
    fuzz::expect(!marker.error().what.empty() && !marker.error().where.empty(), "a refusal has what and where");
    fuzz::expect(!marker.error().likely.empty() && !marker.error().try_next.empty(), "and causes and next steps");
    return 0;
  }
  static_cast<void>(marker->is_complete());
  const std::string text = dataset::to_text(*marker);
  const auto again = dataset::parse_marker(text, "file:///t/marker");
  fuzz::expect(again.has_value(), "what was accepted is accepted again");
  fuzz::expect(dataset::to_text(*again) == text, "what was accepted is written alike");
  return 0;
}
