#include "protocol/tests/transcript.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <variant>

#include "protocol/stage_machine.hpp"

namespace sluice::protocol {

namespace {

using model::RunStatus;
using model::StageType;

base::Nanos to_nanos(const std::string& seconds) { return base::Nanos{std::llround(std::stod(seconds) * 1e9)}; }

std::string to_seconds(std::int64_t ns) {
  std::ostringstream text;
  text << static_cast<double>(ns) / 1e9;
  return text.str();
}

StageType parse_type(std::string_view name) {
  for (const auto type : {StageType::Prepare, StageType::Execute, StageType::Cleanup, StageType::Custom,
                          StageType::Validation, StageType::Hybrid}) {
    if (name_of(type) == name) return type;
  }
  throw std::runtime_error("no such stage type: " + std::string(name));
}

StageRule parse_stage(const std::string& word) {
  std::istringstream parts(word);
  std::string name, type, option;
  std::getline(parts, name, ':');
  std::getline(parts, type, ':');
  StageRule rule{.name = name, .type = parse_type(type)};
  while (std::getline(parts, option, ':')) {
    if (option == "optional") {
      rule.optional = true;
    } else if (option.starts_with("timeout=")) {
      rule.timeout = to_nanos(option.substr(8));
    } else if (option.starts_with("delay=")) {
      rule.delay_after = to_nanos(option.substr(6));
    } else {
      throw std::runtime_error("no such option of a stage: " + option);
    }
  }
  return rule;
}

StageEnded parse_ended(std::istringstream& words) {
  StageEnded ended;
  std::string status;
  words >> ended.agent >> ended.stage >> status >> ended.note;
  ended.window_ns = 1'000'000'000;
  ended.touched = status != "refused";
  const bool failed = status == "failed" || status == "refused";
  ended.status = status == "completed" ? RunStatus::Completed : failed ? RunStatus::Failed : RunStatus::Interrupted;
  if (failed) ended.error = base::Error{.code = base::Code::Unavailable, .what = "the storage broke"};
  return ended;
}

Event parse_event(std::istringstream& words) {
  std::string name;
  words >> name;
  if (name == "start") return Start{};
  if (name == "ready") {
    StageReady ready;
    std::string kind;
    words >> ready.agent >> ready.stage;
    if (words >> kind) ready.workers.push_back({.kind = kind, .threads = 1, .in_flight = 1});
    return ready;
  }
  if (name == "progress") {
    StageProgress progress;
    words >> progress.agent >> progress.stage >> progress.done >> progress.total.emplace() >> progress.errors;
    return progress;
  }
  if (name == "ended") return parse_ended(words);
  if (name == "budget") {
    ErrorBudgetSpent spent;
    words >> spent.stage >> spent.errors;
    return spent;
  }
  if (name == "interrupt") {
    Interrupt interrupt;
    words >> interrupt.signal >> interrupt.count;
    return interrupt;
  }
  if (name == "journal_failed") {
    return JournalFailed{{.code = base::Code::ResourceExhausted, .what = "the disk of the results is full"}};
  }
  if (name == "tick") return DeadlineTick{};
  throw std::runtime_error("no such event: " + name);
}

std::string to_line(const std::optional<base::Error>& error) {
  return error ? " error " + std::string(name_of(error->code)) + ": " + error->what : "";
}

std::string to_line(const model::StageStarted& started) {
  std::string line = "journal started " + std::to_string(started.stage) + " " + started.name;
  for (const model::WorkerInfo& worker : started.workers) line += " " + worker.kind;
  return line;
}
std::string to_line(const model::StageEnded& ended) {
  return "journal ended " + std::to_string(ended.stage) + " " + std::string(name_of(ended.status)) +
         to_line(ended.error) + (ended.note.empty() ? "" : " (" + ended.note + ")");
}
std::string to_line(const model::Note& note) { return "journal note: " + note.text; }
std::string to_line(const auto&) { return "journal a block that the machine never makes"; }

std::string to_line(const RunStage& effect) { return "run " + std::to_string(effect.stage); }
std::string to_line(const StopStage& effect) {
  return "stop " + std::to_string(effect.stage) + " (" + std::string(name_of(effect.reason)) + ") drain until " +
         to_seconds(effect.drain_deadline.ns);
}
std::string to_line(const AbortNow&) { return "abort"; }
std::string to_line(const Journal& effect) {
  return std::visit([](const auto& block) { return to_line(block); }, effect.block);
}
std::string to_line(const Finish& effect) {
  return "finish " + std::string(name_of(effect.status)) + " exit " + std::to_string(effect.exit_code) +
         to_line(effect.error);
}

}  // namespace

std::string play(const std::string& transcript) {
  std::istringstream lines(transcript);
  std::string line, out;
  RunRules rules;
  std::optional<StageMachine> machine;
  while (std::getline(lines, line)) {
    if (line.starts_with("->")) continue;
    out += line + "\n";
    std::istringstream words(line);
    std::string first, word;
    if (!(words >> first) || first == "#") continue;
    if (first == "stages") {
      while (words >> word) rules.stages.push_back(parse_stage(word));
    } else if (first == "agents") {
      words >> rules.agent_count;
    } else if (first == "errors_max") {
      words >> rules.errors_max;
    } else if (first == "at") {
      if (!machine) machine.emplace(rules);
      words >> word;
      Effects effects;
      machine->step({to_nanos(word).count()}, parse_event(words), effects);
      machine->check_invariants();
      for (const Effect& effect : effects) {
        std::string text = std::visit([](const auto& e) { return to_line(e); }, effect);
        std::ranges::replace(text, '\n', '|');
        out += "-> " + text + "\n";
      }
      const auto next = machine->next_wakeup();
      out += "-> next " + (next ? to_seconds(next->ns) : "never") + "\n";
    } else {
      throw std::runtime_error("no such line in a transcript: " + line);
    }
  }
  return out;
}

}  // namespace sluice::protocol
