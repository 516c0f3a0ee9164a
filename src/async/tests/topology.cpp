#include "async/tests/topology.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace sluice::async {

namespace {

using Verb = PartyStep::Verb;
using Words = std::vector<std::string>;

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : text) {
    if (c != at) {
      part += c;
    } else {
      parts.push_back(std::exchange(part, {}));
    }
  }
  parts.push_back(part);
  return parts;
}

std::string trimmed(std::string_view text, std::string_view what = " `") {
  const std::size_t first = text.find_first_not_of(what);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(what) - first + 1));
}

Words words_of(std::string_view text) {
  Words words = split(text, ' ');
  std::erase(words, "");
  return words;
}

struct Row {
  std::string name, kind, what;
};

/// Reads the rows into a topology: names first, so that steps may speak of parties that come later.
class Reader {
 public:
  base::Result<Topology> read(std::string_view markdown);

 private:
  base::Result<void> wrong(const Row& row, std::string_view why) const {
    return base::fail(base::Code::InvalidArgument, "the topology: " + std::string(why),
                      row.name + " | " + row.kind + " | " + row.what);
  }
  static bool is_party(const Row& row) { return row.kind == "thread" || row.kind == "service" || row.kind == "job"; }
  base::Result<void> add_place(const Row& row);
  base::Result<void> add_steps(const Row& row, WaitingParty& party);
  base::Result<void> add_step(const Row& row, WaitingParty& party, const std::string& text);
  base::Result<void> resolve_acquires(const Row& row, WaitingParty& party) const;
  unsigned value(const std::string& name);

  Topology topology_;
  std::map<std::string, unsigned> places_, parties_, values_;
  std::optional<unsigned> loop_;
};

unsigned Reader::value(const std::string& name) {
  const auto [at, is_new] = values_.try_emplace(name, static_cast<unsigned>(topology_.values.size()));
  if (is_new) topology_.values.push_back(name);
  return at->second;
}

base::Result<void> Reader::add_place(const Row& row) {
  static const std::map<std::string, BoundedPlace::Kind> kKinds{{"holds", BoundedPlace::Kind::Values},
                                                                {"starts", BoundedPlace::Kind::Starts},
                                                                {"threads", BoundedPlace::Kind::Threads},
                                                                {"permits", BoundedPlace::Kind::Permits}};
  const Words words = words_of(row.kind);
  const auto kind = kKinds.find(words.empty() ? "" : words[0]);
  const bool has_number = words.size() == 2 && words[1].find_first_not_of("0123456789") == std::string::npos;
  if (kind == kKinds.end() || has_number == (kind->second == BoundedPlace::Kind::Starts)) {
    return wrong(row, "not a kind of place");
  }
  BoundedPlace place{.name = row.name, .kind = kind->second};
  const unsigned number = has_number ? static_cast<unsigned>(std::stoul(words[1])) : 0;
  if (place.kind == BoundedPlace::Kind::Threads) {
    place.threads = number;
  } else {
    place.holds = number;
  }
  places_[row.name] = static_cast<unsigned>(topology_.places.size());
  topology_.places.push_back(std::move(place));
  return {};
}

base::Result<void> Reader::add_step(const Row& row, WaitingParty& party, const std::string& text) {
  static const std::map<std::string, Verb> kVerbs{
      {"put", Verb::Put},         {"send", Verb::Send},       {"take", Verb::Take},   {"flush", Verb::Flush},
      {"begin", Verb::Begin},     {"call", Verb::Call},       {"join", Verb::Join},   {"acquire", Verb::Acquire},
      {"release", Verb::Release}, {"outside", Verb::Outside}, {"again", Verb::Again}, {"until", Verb::Until}};
  Words words = words_of(text);
  // A put or a take that comes from outside, or not.
  const bool is_outside = words.size() > 1 && words[0] == "outside" && (words[1] == "put" || words[1] == "take");
  if (is_outside) words.erase(words.begin());
  if (words.size() == 1 && words[0] == "loop") {
    loop_ = static_cast<unsigned>(party.steps.size());
    return {};
  }
  const auto verb = words.empty() ? kVerbs.end() : kVerbs.find(words[0]);
  if (verb == kVerbs.end()) return wrong(row, "no such step: " + text);
  PartyStep step{.verb = verb->second, .is_outside = is_outside || verb->second == Verb::Outside, .text = text};
  std::size_t at = 1;
  const bool has_place =
      step.verb != Verb::Join && step.verb != Verb::Outside && step.verb != Verb::Again && step.verb != Verb::Until;
  if (has_place) {
    const auto place = places_.find(at < words.size() ? words[at++] : "");
    if (place == places_.end()) return wrong(row, "no such place: " + text);
    step.place = place->second;
  }
  if (step.verb == Verb::Begin || step.verb == Verb::Call || step.verb == Verb::Join) {
    const auto job = parties_.find(at < words.size() ? words[at++] : "");
    if (job == parties_.end()) return wrong(row, "no such party: " + text);
    step.job = job->second;
  }
  if (step.verb == Verb::Put && at < words.size()) step.value = value(words[at++]);
  if (step.verb == Verb::Until) step.value = value(at < words.size() ? words[at++] : "");
  if (step.verb == Verb::Again || step.verb == Verb::Until) {
    if (!loop_) return wrong(row, "no loop before: " + text);
    step.target = *loop_;
  }
  const bool waits = step.verb == Verb::Send || step.verb == Verb::Take || step.verb == Verb::Flush ||
                     step.verb == Verb::Call || step.verb == Verb::Join || step.verb == Verb::Acquire;
  if (waits && !is_outside) {
    if (at >= words.size()) return wrong(row, "for how long: " + text);
    step.is_bounded = words[at] != "never";
  }
  party.steps.push_back(step);
  if (step.verb == Verb::Call) {
    step.verb = Verb::Await;
    party.steps.push_back(std::move(step));
  }
  return {};
}

/// Who does not get a permit in time goes on behind its release.
base::Result<void> Reader::resolve_acquires(const Row& row, WaitingParty& party) const {
  for (std::size_t i = 0; i < party.steps.size(); ++i) {
    PartyStep& acquire = party.steps[i];
    if (acquire.verb != Verb::Acquire) continue;
    const auto release =
        std::find_if(party.steps.begin() + static_cast<std::ptrdiff_t>(i), party.steps.end(),
                     [&](const PartyStep& step) { return step.verb == Verb::Release && step.place == acquire.place; });
    if (release == party.steps.end()) return wrong(row, "no release after: " + acquire.text);
    acquire.target = static_cast<unsigned>(release - party.steps.begin()) + 1;
  }
  return {};
}

base::Result<void> Reader::add_steps(const Row& row, WaitingParty& party) {
  loop_.reset();
  for (const std::string& text : split(row.what, ',')) SLUICE_CHECK(add_step(row, party, trimmed(text)));
  return resolve_acquires(row, party);
}

base::Result<Topology> Reader::read(std::string_view markdown) {
  value("");
  std::vector<Row> rows;
  for (const std::string& line : split(markdown, '\n')) {
    if (!trimmed(line).starts_with("| `")) continue;
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() < 4) continue;
    rows.push_back({.name = trimmed(cells[1]), .kind = trimmed(cells[2]), .what = trimmed(cells[3])});
  }
  for (const Row& row : rows) {
    if (!is_party(row)) {
      SLUICE_CHECK(add_place(row));
      continue;
    }
    parties_[row.name] = static_cast<unsigned>(topology_.parties.size());
    topology_.parties.push_back({.name = row.name,
                                 .kind = row.kind == "thread"    ? WaitingParty::Kind::Thread
                                         : row.kind == "service" ? WaitingParty::Kind::Service
                                                                 : WaitingParty::Kind::Job,
                                 .steps = {}});
  }
  std::size_t at = 0;
  for (const Row& row : rows) {
    if (is_party(row)) SLUICE_CHECK(add_steps(row, topology_.parties[at++]));
  }
  return std::move(topology_);
}

}  // namespace

base::Result<Topology> read_topology(std::string_view markdown) { return Reader().read(markdown); }

}  // namespace sluice::async
