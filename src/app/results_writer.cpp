#include "app/results_writer.hpp"

#include <numeric>
#include <utility>

#include "async/stop_flag.hpp"
#include "report/errors_tsv.hpp"
#include "report/summary_json.hpp"

namespace sluice::app {

namespace {

/// A row of the time series is to be on the disk soon after its second is over.
constexpr base::Nanos kTurn{200'000'000};
constexpr int kErrorsEveryTurns = 5;
constexpr int kSummaryEveryTurns = 50;
constexpr base::Nanos kLastWrites{5'000'000'000};

}  // namespace

struct ResultsWriter::State {
  const ResultsDir dir;
  const std::string perf_log_name;
  RunSink& sink;              // outlives: the session's
  async::BlockingPool& pool;  // outlives: the session's
  async::StopFlag stopping;
  std::uint64_t errors_written = 0;

  // shared because the task of a write that was abandoned may end after the writer
  static async::Task<> run(std::shared_ptr<State> state);
  async::Task<> write_rows();
  async::Task<> write_errors();
  async::Task<> write_summary();
  std::string new_errors();

  /// Runs a write on a blocking thread. Errors: Cancelled.
  template <class Write>
  async::Task<> write(Write call) {
    auto written = co_await pool.run("results", std::move(call), async::Deadline::never());
    if (!written && written.error().code == base::Code::Cancelled) co_return written;
    co_return base::Result<void>();
  }
};

async::Task<> ResultsWriter::State::write_rows() {
  std::string rows = sink.take_perf_rows();
  if (rows.empty()) co_return base::Result<void>();
  co_return co_await write(
      [dir = dir, name = perf_log_name, rows = std::move(rows)] { return dir.append(name, rows); });
}

std::string ResultsWriter::State::new_errors() {
  std::string errors;
  sink.with_summary([&](const model::Summary& summary) {
    const std::uint64_t count = std::accumulate(summary.errors.begin(), summary.errors.end(), std::uint64_t{0},
                                                [](std::uint64_t sum, const auto& error) { return sum + error.count; });
    if (count == errors_written) return;
    errors = report::errors_tsv(summary);
    errors_written = count;
  });
  return errors;
}

async::Task<> ResultsWriter::State::write_errors() {
  std::string errors = new_errors();
  if (errors.empty()) co_return base::Result<void>();
  co_return co_await write([dir = dir, errors = std::move(errors)] { return dir.replace("errors.tsv", errors); });
}

async::Task<> ResultsWriter::State::write_summary() {
  std::string json = sink.with_summary(
      [](const model::Summary& summary) { return report::summary_json(summary, report::LogState::Open); });
  co_return co_await write([dir = dir, json = std::move(json)] { return dir.replace("summary.json", json); });
}

// shared because the task of a write that was abandoned may end after the writer
async::Task<> ResultsWriter::State::run(std::shared_ptr<State> state) {
  for (int turn = 1;; ++turn) {
    SLUICE_CO_TRY(const bool is_last, co_await state->stopping.wait(async::Deadline::in(kTurn)));
    SLUICE_CO_CHECK(co_await state->write_rows());
    if (is_last || turn % kErrorsEveryTurns == 0) SLUICE_CO_CHECK(co_await state->write_errors());
    if (is_last) co_return base::Result<void>();
    if (turn % kSummaryEveryTurns == 0) SLUICE_CO_CHECK(co_await state->write_summary());
  }
}

ResultsWriter::ResultsWriter(ResultsDir dir, std::string perf_log_name, RunSink& sink, async::Runtime& runtime)
    // shared because the task of a write that was abandoned may end after this
    : state_(std::make_shared<State>(std::move(dir), std::move(perf_log_name), sink, runtime.blocking())) {
  // With a token of its own: it ends by stop() alone, after the last rows.
  auto task = runtime.executor().try_spawn("results", State::run(state_), {});
  if (task) task_ = std::move(*task);
}

ResultsWriter::~ResultsWriter() { stop(); }

void ResultsWriter::stop() {
  if (!task_) return;
  state_->stopping.raise();
  static_cast<void>(task_->join(async::Deadline::in(kLastWrites)));
  task_.reset();
}

}  // namespace sluice::app
