#include "journal/tiers/journal_reader.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "journal/tiers/errors.hpp"

namespace sluice::journal {

namespace {

/// What an answer may grow to.
struct Room {
  std::size_t blocks_max, bytes_max;
};

/// All blocks that the request names, page by page; ResourceExhausted where they are more than there is room for.
async::Task<std::vector<BlockPtr>> read_all(JournalCore::Ptr core, std::string name, ReadRequest request, Room room,
                                            async::Deadline deadline) {
  std::vector<BlockPtr> blocks;
  std::size_t bytes = 0;
  const std::uint64_t generation = core->view().generation;
  for (bool is_last = false; !is_last;) {
    request.blocks_max = std::min<std::size_t>(room.blocks_max - blocks.size() + 1, 1024);
    SLUICE_CO_TRY(ReadPage page, co_await JournalCore::read(core, name, deadline,
                                                            [request](Backend& backend, const CallBounds& bounds) {
                                                              return backend.read(request, bounds);
                                                            }));
    if (core->view().generation != generation) co_return base::fail(retracted(name));
    for (const StoredBlock& block : page.blocks) bytes += block.size_bytes();
    share_all(std::move(page.blocks), blocks);
    if (blocks.size() > room.blocks_max) co_return base::fail(too_many(room.blocks_max, "blocks"));
    if (bytes > room.bytes_max) co_return base::fail(too_many(room.bytes_max, "bytes of blocks"));
    if (!blocks.empty()) request.after = blocks.back()->header.seq;
    is_last = page.is_last;
  }
  co_return base::Result<std::vector<BlockPtr>>(std::move(blocks));
}

/// One block, which is kept for the next who asks.
template <class Call>
async::Task<BlockPtr> read_one(JournalCore::Ptr core, std::string name, async::Deadline deadline, Call call) {
  const std::uint64_t generation = core->view().generation;
  SLUICE_CO_TRY(StoredBlock block, co_await JournalCore::read(core, std::move(name), deadline, std::move(call)));
  co_return base::Result<BlockPtr>(core->keep(std::move(block), generation));
}

async::Task<BlockPtr> get_by_number(JournalCore::Ptr core, std::uint64_t seq, async::Deadline deadline) {
  SLUICE_CO_CHECK(core->check_open());
  if (BlockPtr block = core->cached(seq)) co_return base::Result<BlockPtr>(std::move(block));
  if (!core->others_write() && (seq == 0 || seq > core->view().head)) {
    co_return base::fail(no_block(fmt::format("block {} of {}", seq, core->view().head)));
  }
  co_return co_await read_one(core, fmt::format("block {}", seq), deadline,
                              [seq](Backend& backend, const CallBounds& bounds) { return backend.get(seq, bounds); });
}

async::Task<> ask_where_it_is(JournalCore::Ptr core, async::Deadline deadline) {
  const JournalCore::View view = core->view();
  SLUICE_CO_TRY(BackendState state, co_await JournalCore::read(core, "asking where it is", deadline,
                                                               [](Backend& backend, const CallBounds& bounds) {
                                                                 return backend.load(bounds);
                                                               }));
  core->replace(std::move(state), view);
  co_return base::Result<void>();
}

async::Task<BlockPtr> newest(JournalCore::Ptr core, async::Deadline deadline) {
  if (core->others_write()) SLUICE_CO_CHECK(co_await ask_where_it_is(core, deadline));
  const std::uint64_t head = core->view().head;
  if (head == 0) {
    SLUICE_CO_CHECK(core->check_open());
    co_return base::Result<BlockPtr>(nullptr);
  }
  co_return co_await get_by_number(core, head, deadline);
}

async::Task<BlockPtr> newest_of(JournalCore::Ptr core, PartyKey party, async::Deadline deadline) {
  if (core->others_write()) SLUICE_CO_CHECK(co_await ask_where_it_is(core, deadline));
  const auto last = core->with_ledger([&](const Ledger& ledger) -> std::optional<std::uint64_t> {
    const auto at = ledger.heads().find(party);
    if (at == ledger.heads().end()) return std::nullopt;
    return at->second.next_party_seq - 1;
  });
  if (!last) co_return base::fail(no_block(to_text(party)));
  co_return co_await JournalReader(core).get(party, *last, deadline);
}

async::Task<std::vector<BlockPtr>> read_range(JournalCore::Ptr core, std::uint64_t first, std::uint64_t last,
                                              async::Deadline deadline) {
  if (first == 0 || last < first) {
    co_return base::fail(base::Code::InvalidArgument,
                         fmt::format("blocks {} to {} are no range: the first is 1", first, last));
  }
  ReadRequest request{.filter = {.with_superseded = true}, .after = first - 1, .to = last};
  SLUICE_CO_TRY(
      auto blocks,
      co_await read_all(core, fmt::format("blocks {} to {}", first, last), std::move(request),
                        {.blocks_max = last - first + 1, .bytes_max = core->config().query_bytes_max}, deadline));
  if (blocks.size() != last - first + 1) {
    co_return base::fail(no_block(fmt::format("{} of blocks {} to {} are there", blocks.size(), first, last)));
  }
  co_return base::Result<std::vector<BlockPtr>>(std::move(blocks));
}

async::Task<std::vector<BlockPtr>> read_matching(JournalCore::Ptr core, Filter filter, std::size_t blocks_max,
                                                 async::Deadline deadline) {
  SLUICE_CO_CHECK(filter.check());
  ReadRequest request{.filter = std::move(filter)};
  co_return co_await read_all(core, "a query", std::move(request),
                              {.blocks_max = blocks_max, .bytes_max = core->config().query_bytes_max}, deadline);
}

async::Task<BlockPage> read_page(JournalCore::Ptr core, Filter filter, std::uint64_t after, std::size_t blocks_max,
                                 async::Deadline deadline) {
  SLUICE_CO_CHECK(filter.check());
  const ReadRequest request{.filter = std::move(filter),
                            .after = after,
                            .blocks_max = std::max<std::size_t>(blocks_max, 1),
                            .bytes_max = core->config().query_bytes_max};
  SLUICE_CO_TRY(ReadPage found, co_await JournalCore::read(core, "a page", deadline,
                                                           [request](Backend& backend, const CallBounds& bounds) {
                                                             return backend.read(request, bounds);
                                                           }));
  BlockPage page;
  share_all(std::move(found.blocks), page.blocks);
  if (!found.is_last && !page.blocks.empty()) page.next = page.blocks.back()->header.seq;
  co_return base::Result<BlockPage>(std::move(page));
}

async::Task<std::vector<FoundRecord>> read_notable(JournalCore::Ptr core, NotableRequest request,
                                                   std::size_t records_max, async::Deadline deadline) {
  SLUICE_CO_CHECK(request.filter.check());
  request.records_max = request.slowest_first ? records_max : records_max + 1;
  SLUICE_CO_TRY(auto found, co_await JournalCore::read(core, "a query for operations", deadline,
                                                       [request](Backend& backend, const CallBounds& bounds) {
                                                         return backend.notable(request, bounds);
                                                       }));
  if (found.size() > records_max) co_return base::fail(too_many(records_max, "operations"));
  co_return base::Result<std::vector<FoundRecord>>(std::move(found));
}

async::Task<BlockStream> begin_stream(JournalCore::Ptr core, Filter filter, std::uint64_t after,
                                      std::optional<std::uint64_t> to, std::string client, async::Deadline deadline) {
  SLUICE_CO_CHECK(filter.check());
  if (to && *to < after) {
    co_return base::fail(base::Code::InvalidArgument,
                         fmt::format("a stream from after block {} to block {} is no range", after, *to));
  }
  const async::Deadline until = async::earlier(deadline, async::Deadline::in(core->config().read_timeout));
  SLUICE_CO_TRY(async::Permit slot, co_await JournalCore::take_slot(core, client, until));
  if (core->others_write()) {
    if (auto known = co_await ask_where_it_is(core, until); !known) {
      core->leave_slot(client);
      co_return base::fail(std::move(known).error());
    }
  }
  const std::uint64_t head = core->view().head;
  co_return base::Result<BlockStream>(std::in_place, core, std::move(filter), after, std::min(to.value_or(head), head),
                                      std::move(client), std::move(slot));
}

/// What is in `all` and not in `some`; both ascending.
std::vector<SeqRange> without(const std::vector<SeqRange>& all, const std::vector<SeqRange>& some) {
  std::vector<SeqRange> rest;
  for (SeqRange range : all) {
    bool is_gone = false;
    for (const SeqRange& hole : some) {
      if (hole.last < range.first || hole.first > range.last) continue;
      if (hole.first > range.first) rest.push_back({.first = range.first, .last = hole.first - 1});
      if (hole.last >= range.last) {
        is_gone = true;
        break;
      }
      range.first = hole.last + 1;
    }
    if (!is_gone) rest.push_back(range);
  }
  return rest;
}

base::Result<std::vector<PartyLag>> find_lag(Backend& backend, const std::vector<PartyExtent>& log,
                                             const CallBounds& bounds) {
  SLUICE_TRY(const BackendState state, backend.load(bounds));
  std::set<std::string> runs;
  std::set<PartyKey> known;
  std::vector<PartyKey> parties;
  std::vector<std::vector<SeqRange>> in_log;
  for (const PartyExtent& extent : log) {
    runs.insert(extent.party.run);
    known.insert(extent.party);
    parties.push_back(extent.party);
    std::vector<SeqRange>& ranges = in_log.emplace_back();
    if (extent.blocks > 0) ranges.push_back({.first = 0, .last = extent.blocks - 1});
  }
  for (const PartyHead& head : state.parties) {
    if (runs.contains(head.key.run) && !known.contains(head.key)) parties.push_back(head.key);
  }
  in_log.resize(parties.size());
  SLUICE_TRY(const auto present, backend.present_of(parties, bounds));
  std::vector<PartyLag> lags;
  for (std::size_t i = 0; i < parties.size(); ++i) {
    PartyLag lag{
        .party = parties[i], .missing = without(in_log[i], present[i]), .extra = without(present[i], in_log[i])};
    if (!lag.missing.empty() || !lag.extra.empty()) lags.push_back(std::move(lag));
  }
  return lags;
}

async::Task<JournalReader> open_reader(JournalCore::Ptr core, async::Deadline deadline) {
  SLUICE_CO_CHECK(co_await ask_where_it_is(core, deadline));
  co_return base::Result<JournalReader>(std::in_place, core);
}

}  // namespace

async::Task<JournalReader> JournalReader::open(JournalThreads& threads, std::unique_ptr<Backend> backend,
                                               JournalConfig config, async::Deadline deadline) {
  // shared because a call that was abandoned, and a guest, may outlive the reader
  return open_reader(std::make_shared<JournalCore>(threads, std::move(backend), std::move(config)), deadline);
}

async::Task<BlockPtr> JournalReader::get(std::uint64_t seq, async::Deadline deadline) const {
  return get_by_number(core_, seq, deadline);
}

async::Task<BlockPtr> JournalReader::get(const PartyKey& party, std::uint64_t party_seq,
                                         async::Deadline deadline) const {
  return read_one(core_, fmt::format("block {} of {}", party_seq, to_text(party)), deadline,
                  [party, party_seq](Backend& backend, const CallBounds& bounds) {
                    return backend.find(party, party_seq, bounds);
                  });
}

async::Task<BlockPtr> JournalReader::get(Digest hash, async::Deadline deadline) const {
  return read_one(core_, "block " + to_text(hash), deadline,
                  [hash](Backend& backend, const CallBounds& bounds) { return backend.find(hash, bounds); });
}

async::Task<std::vector<BlockPtr>> JournalReader::range(std::uint64_t first, std::uint64_t last,
                                                        async::Deadline deadline) const {
  return read_range(core_, first, last, deadline);
}

async::Task<BlockPtr> JournalReader::latest(async::Deadline deadline) const { return newest(core_, deadline); }

async::Task<BlockPtr> JournalReader::latest_of(PartyKey party, async::Deadline deadline) const {
  return newest_of(core_, std::move(party), deadline);
}

std::uint64_t JournalReader::head() const { return core_->view().head; }

std::vector<PartyHead> JournalReader::parties() const {
  return core_->with_ledger([](const Ledger& ledger) {
    std::vector<PartyHead> heads;
    for (const auto& [key, head] : ledger.heads()) heads.push_back(head);
    return heads;
  });
}

std::optional<std::int64_t> JournalReader::watermark(const std::string& run) const {
  return core_->with_ledger([&](const Ledger& ledger) { return ledger.watermark(run); });
}

async::Task<std::vector<BlockPtr>> JournalReader::query(Filter filter, std::size_t blocks_max,
                                                        async::Deadline deadline) const {
  return read_matching(core_, std::move(filter), blocks_max, deadline);
}

async::Task<BlockPage> JournalReader::page(Filter filter, std::uint64_t after, std::size_t blocks_max,
                                           async::Deadline deadline) const {
  return read_page(core_, std::move(filter), after, blocks_max, deadline);
}

async::Task<std::vector<FoundRecord>> JournalReader::notable(Filter filter, std::size_t records_max, bool slowest_first,
                                                             async::Deadline deadline) const {
  return read_notable(core_, {.filter = std::move(filter), .slowest_first = slowest_first}, records_max, deadline);
}

async::Task<BlockStream> JournalReader::stream(Filter filter, std::uint64_t after, std::optional<std::uint64_t> to,
                                               std::string client, async::Deadline deadline) const {
  return begin_stream(core_, std::move(filter), after, to, std::move(client), deadline);
}

base::Result<BlockFollower> JournalReader::follow(Filter filter, std::uint64_t after) const {
  SLUICE_CHECK(core_->check_open());
  SLUICE_CHECK(filter.check());
  return base::Result<BlockFollower>(std::in_place, core_, std::move(filter), after);
}

async::Task<std::vector<PartyLag>> JournalReader::lag(std::vector<PartyExtent> log, async::Deadline deadline) const {
  return JournalCore::read(
      core_, "comparing with the log", deadline,
      [log = std::move(log)](Backend& backend, const CallBounds& bounds) { return find_lag(backend, log, bounds); });
}

async::Task<> JournalReader::refresh(async::Deadline deadline) const { return ask_where_it_is(core_, deadline); }

JournalStats JournalReader::stats() const { return core_->stats(); }

}  // namespace sluice::journal
