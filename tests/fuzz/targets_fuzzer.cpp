// Recipes of names, which stand in logs: whatever they say, and whatever a record says of its target, there is a name
// for it, and it is the same one a second time. An input is the index and the set of a record, and a block.
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "app/op_log/target_book.hpp"
#include "journal/block_codec.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;
using Kind = model::NamesRecipe::Kind;

constexpr std::size_t kPrefixBytes = 9;  // the index, and the set's number

std::string input_of(std::uint64_t index, const model::Block& block) {
  std::string input(kPrefixBytes, '\0');
  std::memcpy(input.data(), &index, sizeof index);
  const std::vector<std::byte> bytes = journal::encode_block(block);
  input.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return input;
}

std::vector<std::string> target_samples() {
  const model::TreeShape tree{.width = 24, .depth = 4, .files_per_dir = 193, .all_levels = true};
  std::vector<std::string> samples;
  for (const model::NamesRecipe& recipe : {
           model::NamesRecipe{.kind = Kind::Flat, .prefix = "data/", .shards = 16, .count = 1'000'000},
           model::NamesRecipe{.kind = Kind::Shards, .prefix = "data/", .shards = 16},
           model::NamesRecipe{.kind = Kind::Numbered, .prefix = "new/", .stem = "put-8f3a-0-", .shards = 4},
           model::NamesRecipe{.kind = Kind::Single, .prefix = "one/object"},
           model::NamesRecipe{.kind = Kind::TreeFiles, .prefix = "tree/", .tree = tree},
           model::NamesRecipe{.kind = Kind::TreeDirectories, .prefix = "tree/", .tree = tree},
       }) {
    samples.push_back(input_of(7, model::TargetNames{.base_uri = "file:///mnt/nas/", .recipe = recipe}));
  }
  samples.push_back(input_of(0, model::RunStarted{.run_id = "run", .target = "file:///mnt/nas/"}));
  return samples;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::vector<std::string> samples = target_samples();
  return fuzz::mutate(samples, data, size, size_max, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kPrefixBytes) return 0;
  model::OpRecord record;
  std::memcpy(&record.index, data, sizeof record.index);
  record.dataset = data[8];
  const auto block = journal::decode_block(std::as_bytes(std::span(data, size)).subspan(kPrefixBytes));
  if (!block) return 0;
  app::TargetBook book;
  book.learn(0, *block);
  const app::RecordTarget target = book.target_of(0, record, "foreign");
  const std::string name(target.name);
  fuzz::expect(!target.is_known || name.size() <= model::kNameBytesMax, "a name is as long as names are at most");
  fuzz::expect(book.target_of(0, record, "foreign").name == name, "the same name a second time");
  fuzz::expect(std::string(book.name_in_journal(0, record, "foreign")).ends_with(name),
               "it ends as the journal has it");
  return 0;
}
