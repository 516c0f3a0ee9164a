#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "journal/tiers/tests/forwarding_backend.hpp"

namespace sluice::journal {

/// What readers had from a backend. Any thread.
struct ReadCounts {
  std::atomic<std::uint64_t> blocks{0}, payload_bytes{0};  ///< with their payload
  std::atomic<std::uint64_t> records{0};                   ///< rows of the slowest and the failed

  void note(const StoredBlock& block) {
    blocks += 1;
    payload_bytes += block.payload.size();
  }
};

/// Counts what its readers get.
class CountingBackend final : public ForwardingBackend {
 public:
  // shared because calls that were left behind are counted after the test has gone on
  CountingBackend(std::unique_ptr<Backend> backend, std::shared_ptr<ReadCounts> counts)
      : ForwardingBackend(std::move(backend)), counts_(std::move(counts)) {}

  base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) override {
    return counted(ForwardingBackend::get(seq, bounds));
  }
  base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) override {
    return counted(ForwardingBackend::find(party, party_seq, bounds));
  }
  base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) override {
    return counted(ForwardingBackend::find(hash, bounds));
  }
  base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) override {
    auto page = ForwardingBackend::read(request, bounds);
    if (page) {
      for (const StoredBlock& block : page->blocks) counts_->note(block);
    }
    return page;
  }
  base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) override {
    auto found = ForwardingBackend::notable(request, bounds);
    if (found) counts_->records += found->size();
    return found;
  }

 private:
  base::Result<StoredBlock> counted(base::Result<StoredBlock> block) {
    if (block) counts_->note(*block);
    return block;
  }

  // shared because calls that were left behind are counted after the test has gone on
  std::shared_ptr<ReadCounts> counts_;
};

}  // namespace sluice::journal
