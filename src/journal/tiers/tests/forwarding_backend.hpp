#pragma once

#include <memory>
#include <utility>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// Hands every call on to another backend: for those that look at some of them. As thread-safe as that one.
class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}

  BackendTraits traits() const override { return backend_->traits(); }
  base::Result<BackendState> load(const CallBounds& bounds) override { return backend_->load(bounds); }
  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override {
    return backend_->append(commit, bounds);
  }
  base::Result<std::vector<StoredBlock>> remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                      const CallBounds& bounds) override {
    return backend_->remove_above(seq, heads, bounds);
  }
  base::Result<void> fence(const Fence& fence, const CallBounds& bounds) override {
    return backend_->fence(fence, bounds);
  }
  base::Result<void> compact(const CallBounds& bounds) override { return backend_->compact(bounds); }
  base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) override {
    return backend_->get(seq, bounds);
  }
  base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) override {
    return backend_->find(party, party_seq, bounds);
  }
  base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) override {
    return backend_->find(hash, bounds);
  }
  base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) override {
    return backend_->read(request, bounds);
  }
  base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) override {
    return backend_->notable(request, bounds);
  }
  base::Result<std::vector<std::vector<SeqRange>>> present_of(std::span<const PartyKey> parties,
                                                              const CallBounds& bounds) override {
    return backend_->present_of(parties, bounds);
  }

 private:
  std::unique_ptr<Backend> backend_;
};

}  // namespace sluice::journal
