#include "app/results/results_json.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/output.hpp"
#include "app/version.hpp"
#include "protocol/exit_code.hpp"
#include "report/error_json.hpp"
#include "report/summary_json.hpp"

namespace sluice::app {

std::string document_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string line_text(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string failure_text(const base::Error& error, ResultsCommand command) {
  switch (command) {
    case ResultsCommand::List:
      return document_text(
          {{"schema", "sluice.list/1"}, {"runs", Json::array()}, {"error", report::error_json(error)}});
    case ResultsCommand::Query:
      return document_text({{"schema", "sluice.query/1"},
                            {"run", nullptr},
                            {"started", nullptr},
                            {"records", Json::array()},
                            {"error", report::error_json(error)}});
    case ResultsCommand::Follow: return line_text({{"event", "error"}, {"error", report::error_json(error)}});
    case ResultsCommand::None:
    case ResultsCommand::Show:
    case ResultsCommand::Verify:
    case ResultsCommand::Lag:
    case ResultsCommand::Repair:
    case ResultsCommand::Export:
    case ResultsCommand::Import:
    case ResultsCommand::Discard:
    case ResultsCommand::Rebuild: break;
  }
  model::Summary summary;
  summary.run.version = kVersion;
  summary.run.at = base::wall_now();
  summary.ended = model::RunEnded{.status = model::RunStatus::Failed, .at = base::wall_now(), .error = error};
  return report::summary_json(summary, report::LogState::Final);
}

int report_failure(const base::Error& error, const ResultsOptions& options) {
  if (options.json) {
    Output out;
    out.put(failure_text(error, options.command));
    static_cast<void>(out.finish());
  }
  std::fprintf(stderr, "%s\n", base::to_text(error).c_str());
  return error.code == base::Code::InvalidArgument || error.code == base::Code::Unsupported ? protocol::kExitBadUsage
                                                                                            : protocol::kExitFailed;
}

}  // namespace sluice::app
