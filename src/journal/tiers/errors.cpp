#include "journal/tiers/errors.hpp"

#include <fmt/format.h>

namespace sluice::journal {

base::Error too_many(std::size_t max, std::string_view of_what) {
  return {.code = base::Code::ResourceExhausted,
          .what = fmt::format("more than {} {} match, and only all or none are given", max, of_what),
          .likely = {"the filter is wide"},
          .try_next = {"narrow it: a run, a stage, a time", "ask for a higher limit, or page by page"}};
}

base::Error retracted(std::string_view what) {
  return {.code = base::Code::Unavailable,
          .what = fmt::format("{} was changed by a discard while it was read", what),
          .try_next = {"read again: what is left is there"}};
}

base::Error fenced(const Fence& fence) {
  return {.code = base::Code::Terminated,
          // As tables and --stage count them: from 1.
          .what = fmt::format("attempt {} of stage {} was discarded, and takes no more blocks", fence.attempt,
                              fence.stage + 1),
          .where = "run " + fence.run,
          .likely = {"the block comes from an agent that has not heard of it yet"}};
}

base::Error no_block(std::string where) {
  return {.code = base::Code::NotFound, .what = "the journal has no such block", .where = std::move(where)};
}

base::Error contradiction(std::string what, const PartyKey& party, std::uint64_t party_seq) {
  return {.code = base::Code::InvalidArgument,
          .what = std::move(what),
          .where = fmt::format("{}, block {}", to_text(party), party_seq),
          .likely = {"two processes write as one party", "the party's log was cut or changed"},
          .try_next = {"compare with the segment files in log/: those are the truth"}};
}

bool may_pass(const base::Error& error) {
  return error.code == base::Code::Unavailable || error.code == base::Code::DeadlineExceeded ||
         error.code == base::Code::ResourceExhausted;
}

}  // namespace sluice::journal
