// A pattern, and after a NUL the name of a file. However a name is given, the answer is the same, and what a walk
// promises of names that go on from it is so.
#include <string>
#include <string_view>
#include <vector>

#include "dataset/pattern.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;
using dataset::Pattern;

void check_walk(const Pattern& pattern, std::string_view name) {
  const bool is_match = pattern.matches(name);
  Pattern::Walk walk = pattern.start();
  for (std::size_t at = 0; at < name.size(); ++at) {
    fuzz::expect(!is_match || pattern.is_alive(walk), "the way to a match is alive");
    fuzz::expect(is_match || !pattern.accepts_everything_below(walk), "everything below is everything");
    const bool is_last_level = name.find('/', at) == std::string_view::npos;
    fuzz::expect(is_match || !is_last_level || !pattern.accepts_every_entry(walk), "every entry is every entry");
    walk = pattern.advance(std::move(walk), name.substr(at, 1));
  }
  fuzz::expect(pattern.accepts_file(walk) == is_match, "byte by byte is the same as at once");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::vector<std::string> samples = {
      std::string("d*/\0d1/d2/file", 14), std::string("**/{a,b?,[a-c]*}.dat\0x/y/b1.dat", 31),
      std::string("a\\*[!/x]\0a*y", 12), std::string("a*a*a*a*b*/*\0aa/b", 17)};
  return fuzz::mutate(samples, data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const auto pattern = Pattern::compile(input.substr(0, end));
  if (!pattern) {
    fuzz::expect(pattern.error().code == base::Code::InvalidArgument, "a bad pattern is a bad argument");
    fuzz::expect(pattern.error().where.contains("column"), "a refusal names the column");
    return 0;
  }
  const std::string_view name = input.substr(std::min(end + 1, input.size()));
  if (!name.empty() && name.size() <= 4096) check_walk(*pattern, name);
  static_cast<void>(pattern->matches_directory(name));
  if (pattern->is_literal() && !pattern->is_prefix()) {
    fuzz::expect(pattern->matches(pattern->literal()), "a literal matches itself");
  }
  return 0;
}
