#include "journal/postgres/tests/team.hpp"

#include <stdexcept>

#include "journal/tiers/tests/sample_commits.hpp"

namespace sluice::journal::postgres {

std::unique_ptr<PostgresBackend> open_backend(const std::string& uri, const PostgresOptions& options) {
  auto backend = PostgresBackend::open(uri, options, within(std::chrono::seconds(20)));
  if (!backend) throw std::runtime_error(base::to_text(backend.error()));
  return std::move(*backend);
}

CallBounds within(base::Nanos span) { return {.deadline = async::Deadline::in(span)}; }

Commit Contributor::next(std::uint64_t head, std::size_t blocks, std::size_t bytes) {
  Commit commit;
  pending_ = head_;
  pending_.key = key_;
  for (std::size_t i = 0; i < blocks; ++i) {
    StoredBlock& block = commit.blocks.emplace_back();
    block.header = {.seq = ++head, .party = key_, .party_seq = pending_.next_party_seq, .kind = BlockKind::Interval};
    block.header.previous = pending_.last_hash;
    block.payload = sample_payload(block.header.party_seq, bytes);
    block.header.hash = digest_of(block.payload);
    pending_.next_party_seq += 1;
    pending_.last_hash = block.header.hash;
    pending_.last_seq = head;
  }
  commit.heads.push_back(pending_);
  return commit;
}

}  // namespace sluice::journal::postgres
