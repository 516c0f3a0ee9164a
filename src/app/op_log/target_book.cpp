#include "app/op_log/target_book.hpp"

#include <variant>

#include <fmt/format.h>

#include "dataset/recipe.hpp"

namespace sluice::app {

void TargetBook::learn(std::uint32_t party, const model::Block& block) {
  if (const auto* started = std::get_if<model::RunStarted>(&block)) {
    homes_[party] = started->target;
  } else if (const auto* targets = std::get_if<model::TargetNames>(&block)) {
    Set& set = sets_[{party, targets->number}];
    set.base_uri = targets->base_uri;
    auto names = dataset::make_names(targets->recipe);
    set.names = names ? std::move(*names) : nullptr;
  }
}

RecordTarget TargetBook::unknown(const model::OpRecord& record) {
  text_ = fmt::format("(unknown: number {} of set {})", record.index, record.dataset);
  return {.base_uri = {}, .name = text_, .is_known = false};
}

RecordTarget TargetBook::target_of(std::uint32_t party, const model::OpRecord& record, std::string_view foreign) {
  if (record.dataset == model::OpRecord::kForeign) {
    // Those of other targets than the first have their base in the name.
    if (record.endpoint > 0) return {.base_uri = {}, .name = foreign};
    const auto home = homes_.find(party);
    return {.base_uri = home == homes_.end() ? std::string_view() : home->second, .name = foreign};
  }
  const auto set = sets_.find({party, record.dataset});
  if (set == sets_.end() || set->second.names == nullptr || record.index >= set->second.names->count()) {
    return unknown(record);
  }
  const std::size_t length = set->second.names->write_name(record.index, name_);
  return {.base_uri = set->second.base_uri, .name = std::string_view(name_.data(), length)};
}

std::string_view TargetBook::name_in_journal(std::uint32_t party, const model::OpRecord& record,
                                             std::string_view foreign) {
  const RecordTarget target = target_of(party, record, foreign);
  if (record.endpoint == 0 || target.base_uri.empty()) return target.name;
  text_.assign(target.base_uri).append(target.name);
  return text_;
}

}  // namespace sluice::app
