// A plan, and after a NUL one --set. What is refused says so in all four parts; what is accepted resolves to a plan
// that is accepted and resolves to itself.
#include <string_view>

#include "config/plan_reader.hpp"
#include "config/plan_writer.hpp"
#include "samples.hpp"

namespace {

void check_refusal(const sluice::base::Error& error) {
  using sluice::fuzz::expect;
  expect(error.code == sluice::base::Code::InvalidArgument, "a bad plan is a bad argument");
  expect(!error.what.empty() && !error.where.empty(), "a refusal has what and where");
  expect(!error.likely.empty() && !error.try_next.empty(), "a refusal has causes and next steps");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  config::PlanOptions options{.file = "p.yaml", .default_seed = 1};
  if (end < input.size()) options.sets = {std::string(input.substr(end + 1))};
  const auto plan = config::read_plan(input.substr(0, end), options);
  if (!plan) {
    check_refusal(plan.error());
    return 0;
  }
  const std::string resolved = config::write_resolved(*plan);
  const auto again = config::read_plan(resolved, {.file = "p.yaml", .name = plan->name});
  fuzz::expect(again.has_value(), "a resolved plan is accepted");
  fuzz::expect(config::write_resolved(*again) == resolved, "a resolved plan resolves to itself");
  return 0;
}
