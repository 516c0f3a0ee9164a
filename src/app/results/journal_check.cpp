#include "app/results/journal_check.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/results/run_choice.hpp"

namespace sluice::app {

namespace {

constexpr std::size_t kPageBlocks = 256;
/// Lines of one kind; the rest is counted.
constexpr std::size_t kLinesMax = 100;

std::string named(const journal::PartyKey& party) {
  return fmt::format("party {}, attempt {}", shown(party.party), party.attempt);
}

/// Lines, of which only so many are kept.
class Lines {
 public:
  void add(std::string line) {
    if (++count_ <= kLinesMax) lines_.push_back(std::move(line));
  }
  std::vector<std::string> take() {
    if (count_ > kLinesMax) lines_.push_back(fmt::format("... and {} more of this kind", count_ - kLinesMax));
    return std::move(lines_);
  }

 private:
  std::vector<std::string> lines_;
  std::uint64_t count_ = 0;
};

struct PartyBlocks {
  struct Block {
    journal::Digest hash, previous;
    std::uint64_t seq = 0;
  };
  std::map<std::uint64_t, Block> blocks;

  /// What is wrong with it; "" where nothing is.
  std::string take(const journal::StoredBlock& block) {
    blocks[block.header.party_seq] = {
        .hash = block.header.hash, .previous = block.header.previous, .seq = block.header.seq};
    if (!journal::is_whole(block))
      return fmt::format("block {} (seq {}): its payload is not what its hash says", block.header.party_seq,
                         block.header.seq);
    return {};
  }
};

base::Result<bool> read_in_pages(JournalHost& host, const journal::JournalReader& reader, const journal::PartyKey& key,
                                 PartyBlocks& party, Lines& wrong, IndexProgress& progress) {
  journal::Filter filter{.runs = {key.run}, .parties = {key.party}, .with_superseded = true};
  for (std::optional<std::uint64_t> after = 0; after;) {
    const auto page = host.wait(reader.page(filter, *after, kPageBlocks, JournalHost::soon()));
    if (!page && page.error().code == base::Code::Corrupt) return false;
    if (!page) return base::fail(page.error());
    for (const journal::BlockPtr& block : page->blocks) {
      if (block->header.party != key) continue;  // of another attempt
      if (std::string line = party.take(*block); !line.empty()) wrong.add(named(key) + ", " + line);
    }
    progress.at(party.blocks.size(), 0, "blocks");
    after = page->next;
  }
  return true;
}

/// For a party with damage: one block after the other, so that each that is damaged is named and the others are read.
base::Result<void> read_one_by_one(JournalHost& host, const journal::JournalReader& reader,
                                   const journal::PartyKey& key, PartyBlocks& party, Lines& wrong,
                                   IndexProgress& progress) {
  // What is there is what would be too much if the log had nothing.
  SLUICE_TRY(const auto lags, host.wait(reader.lag({{.party = key, .blocks = 0}}, JournalHost::soon())));
  const auto lag = std::ranges::find(lags, key, &journal::PartyLag::party);
  if (lag == lags.end()) return {};
  party.blocks.clear();
  for (const journal::SeqRange& range : lag->extra) {
    for (std::uint64_t number = range.first; number <= range.last; ++number) {
      const auto block = host.wait(reader.get(key, number, JournalHost::soon()));
      progress.at(number, 0, "blocks");
      if (!block) {
        const base::Error& error = block.error();
        if (error.code != base::Code::Corrupt && error.code != base::Code::NotFound) return base::fail(error);
        wrong.add(fmt::format("{}, block {}: {} ({})", named(key), number, error.what, error.where));
      } else if (std::string line = party.take(**block); !line.empty()) {
        wrong.add(named(key) + ", " + line);
      }
    }
  }
  return {};
}

void check_chain(const journal::PartyKey& key, const PartyBlocks& party, JournalCheck& check, Lines& wrong) {
  const PartyBlocks::Block* before = nullptr;
  std::uint64_t before_number = 0;
  for (const auto& [number, block] : party.blocks) {
    const bool is_next = before != nullptr && before_number + 1 == number;
    if (block.previous == journal::Digest{}) {
      if (number > 0) ++check.unlinked;
    } else if (is_next && block.previous == before->hash) {
      ++check.links;
    } else if (is_next || number == 0) {
      wrong.add(fmt::format("{}, block {} (seq {}): it names {} as the block before it, which is {}", named(key),
                            number, block.seq, to_text(block.previous),
                            before == nullptr ? std::string("not there") : to_text(before->hash)));
    } else {
      ++check.unlinked;
    }
    before = &block;
    before_number = number;
  }
}

}  // namespace

base::Result<JournalCheck> check_journal(JournalHost& host, const journal::JournalReader& reader,
                                         const std::string& run) {
  JournalCheck check;
  Lines damaged, unchained;
  IndexProgress progress("checking the journal");
  for (const journal::PartyHead& head : reader.parties()) {
    if (head.key.run != run) continue;
    PartyBlocks party;
    SLUICE_TRY(const bool is_readable, read_in_pages(host, reader, head.key, party, damaged, progress));
    if (!is_readable) SLUICE_CHECK(read_one_by_one(host, reader, head.key, party, damaged, progress));
    check_chain(head.key, party, check, unchained);
    check.blocks += party.blocks.size();
    auto& hashes = check.hashes[head.key];
    for (const auto& [number, block] : party.blocks) hashes.emplace_hint(hashes.end(), number, block.hash);
  }
  check.wrong = damaged.take();
  for (std::string& line : unchained.take()) check.wrong.push_back(std::move(line));
  return check;
}

std::vector<std::string> compare(const LogScan& log, const JournalCheck& journal, bool is_growing) {
  std::vector<std::string> lines;
  Lines different;
  std::map<journal::PartyKey, std::vector<journal::SeqRange>> of_log;
  for (const LogParty& party : log.parties) {
    std::vector<journal::SeqRange> missing;
    const auto there = journal.hashes.find(party.key);
    std::size_t index = 0;
    for (const journal::SeqRange& range : party.readable) {
      for (std::uint64_t number = range.first; number <= range.last; ++number, ++index) {
        if (there == journal.hashes.end() || !there->second.contains(number)) {
          append_number(missing, number);
        } else if (const journal::Digest& hash = there->second.at(number); hash != party.hashes[index]) {
          different.add(fmt::format("{}, block {}: the log has {}, the journal has {}", named(party.key), number,
                                    to_text(party.hashes[index]), to_text(hash)));
        }
      }
    }
    if (is_growing && !missing.empty() && missing.back().last + 1 == party.blocks) missing.pop_back();
    if (!missing.empty())
      lines.push_back(fmt::format("{}: in the log, not in the journal: {}", named(party.key), to_words(missing)));
    of_log[party.key] = party.readable;
  }
  for (const auto& [key, hashes] : journal.hashes) {
    const std::vector<journal::SeqRange>& readable = of_log[key];
    std::vector<journal::SeqRange> extra;
    auto range = readable.begin();
    for (const auto& [number, hash] : hashes) {
      while (range != readable.end() && range->last < number) ++range;
      if (range == readable.end() || number < range->first) append_number(extra, number);
    }
    if (is_growing && !extra.empty() && (readable.empty() || extra.back().first > readable.back().last))
      extra.pop_back();
    if (!extra.empty())
      lines.push_back(fmt::format("{}: in the journal, not in the log: {}", named(key), to_words(extra)));
  }
  for (std::string& line : different.take()) lines.push_back(std::move(line));
  return lines;
}

}  // namespace sluice::app
