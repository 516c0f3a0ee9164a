#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "app/results/commands.hpp"
#include "app/results/follow_text.hpp"
#include "app/results/journal_host.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "app/results/run_source.hpp"
#include "async/timing.hpp"
#include "journal/block_codec.hpp"
#include "journal/log_tail.hpp"
#include "journal/tiers/block_follower.hpp"
#include "protocol/exit_code.hpp"

namespace sluice::app {

namespace {

constexpr base::Nanos kLook{200'000'000};
/// Of one wait for the journal: it looks for what others write every 200 ms, and needs time for that.
constexpr base::Nanos kWait{1'000'000'000};
/// The journal gave nothing for so long although the log has grown: the log is followed instead.
constexpr base::Nanos kSilence{3'000'000'000};
constexpr std::size_t kBlocksMax = 256;
constexpr std::size_t kBytesMax = std::size_t{8} << 20;

/// One `follow`: its source is the journal, or the log; which blocks were told is known by their numbers, so that it
/// may change from the one to the other.
class Following {
 public:
  Following(const ResultsOptions& options, Output& out) : options_(options), out_(out), text_(options.json) {}

  /// Errors: as choose_run(), and those of the backend.
  base::Result<void> begin();
  /// To the end of the run, or of who reads; returns the exit code.
  base::Result<int> go_on();

 private:
  /// What has come within a moment. False: nothing.
  base::Result<bool> turn();
  base::Result<bool> turn_of_journal();
  base::Result<bool> turn_of_log();
  void tell(const journal::StoredBlock& block);
  void tell(const journal::FollowItem& item);
  bool log_has_grown();
  void follow_the_log(const std::string& why);

  const ResultsOptions& options_;
  Output& out_;
  FollowText text_;
  RunChoice run_;
  std::unique_ptr<JournalHost> host_;
  std::unique_ptr<journal::JournalReader> reader_;
  std::unique_ptr<journal::BlockFollower> follower_;  ///< one of these two
  std::unique_ptr<journal::LogTail> tail_;
  std::map<journal::PartyKey, std::uint64_t> told_to_;  ///< one past the highest number told
  base::Instant last_news_ = base::now();
  bool is_live_ = false;  ///< it has come to the end of what was there
  std::uintmax_t log_bytes_ = 0;
};

base::Result<void> Following::begin() {
  SLUICE_TRY(host_, JournalHost::create());
  auto chosen = choose_run(options_);
  if (!chosen && (options_.journal.empty() || chosen.error().code != base::Code::NotFound)) {
    return base::fail(std::move(chosen).error());
  }
  if (chosen) run_ = std::move(*chosen);
  const std::string uri = options_.journal.empty() ? journal_uri_of(run_.dir) : options_.journal;
  auto backend = open_journal_backend(uri, JournalAccess::Ask);
  auto reader = backend ? host_->reader(std::move(*backend))
                        : base::Result<journal::JournalReader>(base::fail(std::move(backend).error()));
  if (!reader && !options_.journal.empty()) return base::fail(std::move(reader).error());
  if (!reader) {
    follow_the_log(reader.error().code == base::Code::NotFound ? "there is no journal.db"
                                                               : "journal.db cannot be read: " + reader.error().what);
    return {};
  }
  reader_ = std::make_unique<journal::JournalReader>(std::move(*reader));
  if (!options_.journal.empty()) {
    SLUICE_TRY(run_.id,
               choose_id(runs_in(*reader_), run_.id.empty() ? options_.run : run_.id, shown(without_credentials(uri))));
  }
  SLUICE_TRY(journal::BlockFollower follower, reader_->follow({.runs = {run_.id}}, 0));
  follower_ = std::make_unique<journal::BlockFollower>(std::move(follower));
  static_cast<void>(log_has_grown());
  return {};
}

void Following::follow_the_log(const std::string& why) {
  std::fprintf(stderr, "note: %s, so the log is followed: %s/log\n", why.c_str(), shown(run_.dir).c_str());
  follower_.reset();
  tail_ = std::make_unique<journal::LogTail>(run_.dir, run_.id);
}

void Following::tell(const journal::StoredBlock& stored) {
  std::uint64_t& told_to = told_to_[stored.header.party];
  if (stored.header.party_seq < told_to) return;
  told_to = stored.header.party_seq + 1;
  last_news_ = base::now();
  if (const auto block = journal::decode_block(stored.payload)) out_.put(text_.of(*block));
}

void Following::tell(const journal::FollowItem& item) {
  if (const auto* block = std::get_if<journal::BlockPtr>(&item)) return tell(**block);
  if (const auto* gone = std::get_if<journal::Superseded>(&item)) {
    out_.put(text_.remark("discarded", "attempt " + std::to_string(gone->fence.attempt) + " of stage " +
                                           std::to_string(gone->fence.stage + 1) + " was discarded"));
  } else if (const auto* skipped = std::get_if<journal::Skipped>(&item)) {
    out_.put(text_.remark("skipped", "too slow: blocks " + std::to_string(skipped->blocks.first) + " to " +
                                         std::to_string(skipped->blocks.last) + " of the journal were passed over"));
  } else {
    out_.put(text_.remark("retracted", "blocks were taken out of the journal"));
  }
}

bool Following::log_has_grown() {
  std::uintmax_t bytes = 0;
  std::error_code ignored;
  for (std::filesystem::directory_iterator it(std::filesystem::path(run_.dir) / "log", ignored), end;
       !ignored && it != end; it.increment(ignored)) {
    std::error_code unknown;
    const std::uintmax_t size = it->file_size(unknown);
    if (!unknown) bytes += size;
  }
  return std::exchange(log_bytes_, bytes) != bytes;
}

base::Result<bool> Following::turn_of_journal() {
  auto item = host_->wait(follower_->next(async::Deadline::in(text_.ended() ? base::Nanos{1} : kWait)));
  if (item) {
    tell(*item);
    return true;
  }
  if (item.error().code == base::Code::DeadlineExceeded) {
    if (!run_.dir.empty() && options_.journal.empty() && base::now() - last_news_ > kSilence) {
      if (log_has_grown()) follow_the_log("journal.db has been behind for a while");
      last_news_ = base::now();
    }
    return false;
  }
  if (run_.dir.empty() || !options_.journal.empty()) return base::fail(std::move(item).error());
  follow_the_log("journal.db cannot be read: " + item.error().what);
  return false;
}

base::Result<bool> Following::turn_of_log() {
  SLUICE_TRY(const auto blocks, tail_->next(kBlocksMax, kBytesMax));
  for (const journal::StoredBlock& block : blocks) tell(block);
  if (blocks.empty() && !text_.ended()) SLUICE_CHECK(host_->wait(async::pause_until(async::Deadline::in(kLook))));
  return !blocks.empty();
}

base::Result<bool> Following::turn() { return follower_ ? turn_of_journal() : turn_of_log(); }

base::Result<int> Following::go_on() {
  while (!out_.is_over()) {
    // Asked before it is read: what a writer wrote before it went away is there.
    const bool may_grow = run_.dir.empty() || is_being_written(run_.dir);
    SLUICE_TRY(const bool has_come, turn());
    is_live_ |= !has_come;
    if (is_live_) out_.flush();  // somebody looks on; before, lines come by the thousand
    if (has_come) continue;
    if (text_.ended()) return protocol::kExitDone;
    if (may_grow) continue;
    if (follower_) {  // the end of the log is not in the journal: nobody brings it there any more
      follower_.reset();
      tail_ = std::make_unique<journal::LogTail>(run_.dir, run_.id);
      continue;
    }
    out_.put(text_.remark("writer_died", "the run has no end, and nobody writes it any more: it was killed"));
    return protocol::kExitFailed;
  }
  return protocol::kExitDone;
}

}  // namespace

int follow_command(const ResultsOptions& options, Signals& signals) {
  Output out;
  Following following(options, out);
  if (auto begun = following.begin(); !begun) return report_failure(begun.error(), options);
  begin_answer(signals);  // every line is a document of its own
  const auto exit_code = following.go_on();
  if (!exit_code) {
    out.flush();
    return report_failure(exit_code.error(), options);
  }
  const int written = finish_output(out);
  return *exit_code == protocol::kExitDone ? written : *exit_code;
}

}  // namespace sluice::app
