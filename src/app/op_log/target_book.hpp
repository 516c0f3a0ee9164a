#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "model/block.hpp"
#include "model/names.hpp"
#include "model/op_record.hpp"

namespace sluice::app {

/// What an operation was about; valid until the book's next call.
struct RecordTarget {
  std::string_view base_uri;  ///< in front of the name; "" where the name is a whole URI, or nothing says it
  std::string_view name;
  bool is_known = true;  ///< false: the name says only that it is not known
};

/// Knows what the targets of operation records are called, once it has seen a log's blocks. Parties count their sets
/// of targets each for itself; whoever reads gives the parties numbers. Takes any values whatever. One thread.
class TargetBook {
 public:
  /// Takes what a block says of targets: RunStarted and TargetNames. A recipe of which no names can be made leaves its
  /// targets unknown.
  void learn(std::uint32_t party, const model::Block& block);
  /// `foreign`: the name that the record's chunk has for it, where its target is foreign.
  RecordTarget target_of(std::uint32_t party, const model::OpRecord& record, std::string_view foreign);
  /// The same as the journal's rows and filters have it: relative to the run's first target, below others whole.
  std::string_view name_in_journal(std::uint32_t party, const model::OpRecord& record, std::string_view foreign);

 private:
  struct Set {
    std::string base_uri;
    std::unique_ptr<const model::Names> names;  ///< null: no such names can be made
  };
  RecordTarget unknown(const model::OpRecord& record);

  std::map<std::pair<std::uint32_t, std::uint32_t>, Set> sets_;  ///< by party and number
  std::map<std::uint32_t, std::string> homes_;                   ///< a party's first target
  std::array<char, model::kNameBytesMax> name_{};
  std::string text_;
};

}  // namespace sluice::app
