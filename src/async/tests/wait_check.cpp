#include "async/tests/wait_check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

#include "base/assert.hpp"

namespace sluice::async {

namespace {

using Verb = PartyStep::Verb;

/// Where everybody is, in bytes: positions of the parties, what those with an `until` took last, whom nobody waits for
/// any more, and what is in the places.
using State = std::array<std::uint8_t, 64>;
constexpr std::uint8_t kIdle = 255, kQueued = 254;

std::uint64_t hash_of(const State& state) {
  std::uint64_t hash = 0;
  for (std::size_t at = 0; at < state.size(); at += sizeof hash) {
    std::uint64_t word = 0;
    std::memcpy(&word, state.data() + at, sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32U;
  }
  return hash;
}

/// The states that were seen, each with its number; a table with open addresses, for speed.
class StateSet {
 public:
  StateSet() : table_(1U << 12U, kFree) {}
  std::size_t size() const { return states_.size(); }
  const State& operator[](std::size_t number) const { return states_[number]; }
  /// Its number, and whether it is new.
  std::pair<std::uint32_t, bool> insert(const State& state) {
    if (2 * states_.size() >= table_.size()) grow();
    std::uint32_t& slot = slot_of(state);
    if (slot != kFree) return {slot, false};
    slot = static_cast<std::uint32_t>(states_.size());
    states_.push_back(state);
    return {slot, true};
  }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;
  std::uint32_t& slot_of(const State& state) {
    std::size_t at = hash_of(state) & (table_.size() - 1);
    while (table_[at] != kFree && states_[table_[at]] != state) at = (at + 1) & (table_.size() - 1);
    return table_[at];
  }
  void grow() {
    table_.assign(4 * table_.size(), kFree);
    for (std::uint32_t i = 0; i < states_.size(); ++i) slot_of(states_[i]) = i;
  }

  std::vector<State> states_;
  std::vector<std::uint32_t> table_;
};

/// The bytes of a state, by name.
class Layout {
 public:
  explicit Layout(const Topology& topology) : topology_(topology) {
    std::size_t at = topology.parties.size();
    for (const WaitingParty& party : topology.parties) {
      const bool remembers =
          std::ranges::any_of(party.steps, [](const PartyStep& step) { return step.verb == Verb::Until; });
      last_.push_back(remembers ? std::optional(at++) : std::nullopt);
    }
    abandoned_ = at;
    at += topology.parties.size();
    for (const BoundedPlace& place : topology.places) {
      places_.push_back(at);
      if (place.kind == BoundedPlace::Kind::Starts) continue;
      at += place.kind == BoundedPlace::Kind::Permits ? 1 : 1 + place.holds;
    }
    SLUICE_ASSERT(at <= State{}.size());
  }

  State start() const {
    State state{};
    for (std::size_t p = 0; p < topology_.parties.size(); ++p) {
      state[p] = topology_.parties[p].kind == WaitingParty::Kind::Job ? kIdle : 0;
    }
    for (std::size_t q = 0; q < places_.size(); ++q) {
      const BoundedPlace& place = topology_.places[q];
      if (place.kind == BoundedPlace::Kind::Permits) state[places_[q]] = static_cast<std::uint8_t>(place.holds);
    }
    return state;
  }

  static std::uint8_t& position(State& state, std::size_t party) { return state[party]; }
  bool is_active(const State& state, std::size_t party) const {
    return state[party] < topology_.parties[party].steps.size();
  }
  /// The step that an active party stands before.
  const PartyStep& step(const State& state, std::size_t party) const {
    return topology_.parties[party].steps[state[party]];
  }
  void remember(State& state, std::size_t party, unsigned value) const {
    if (last_[party]) state[*last_[party]] = static_cast<std::uint8_t>(value);
  }
  unsigned last(const State& state, std::size_t party) const { return state[*last_[party]]; }
  std::uint8_t& abandoned(State& state, std::size_t party) const { return state[abandoned_ + party]; }
  bool is_abandoned(const State& state, std::size_t party) const { return state[abandoned_ + party] != 0; }

  /// Of permits: those that are free; of a queue: how many are in it.
  unsigned count(const State& state, std::size_t place) const { return state[places_[place]]; }
  bool is_full(const State& state, std::size_t place) const {
    return count(state, place) >= topology_.places[place].holds;
  }
  void add_permits(State& state, std::size_t place, int more) const {
    state[places_[place]] = static_cast<std::uint8_t>(state[places_[place]] + more);
  }
  void push(State& state, std::size_t place, unsigned what) const {
    state[places_[place] + 1 + state[places_[place]]++] = static_cast<std::uint8_t>(what);
  }
  unsigned pop(State& state, std::size_t place) const {
    const unsigned front = state[places_[place] + 1];
    remove(state, place, front);
    return front;
  }
  /// The first such.
  void remove(State& state, std::size_t place, unsigned what) const {
    const auto begin = state.begin() + static_cast<std::ptrdiff_t>(places_[place]) + 1;
    const auto end = begin + static_cast<std::ptrdiff_t>(count(state, place));
    const auto found = std::find(begin, end, static_cast<std::uint8_t>(what));
    SLUICE_ASSERT(found != end);
    std::copy(found + 1, end, found);
    *(end - 1) = 0;
    --state[places_[place]];
  }

 private:
  const Topology& topology_;
  std::vector<std::optional<std::size_t>> last_;
  std::size_t abandoned_ = 0;
  std::vector<std::size_t> places_;
};

/// What may come next.
class Moves {
 public:
  Moves(const Topology& topology, const Layout& layout)
      : topology_(topology), layout_(layout), job_places_(topology.parties.size(), SIZE_MAX) {
    for (const WaitingParty& party : topology.parties) {
      for (const PartyStep& step : party.steps) {
        if (step.verb == Verb::Begin || step.verb == Verb::Call) job_places_[step.job] = step.place;
      }
    }
  }

  /// Calls `emit(next, who, what, is_outside)` for each step that can be done; one outside may never come.
  template <class Emit>
  void from(const State& state, const Emit& emit) const;
  bool holds_thread(const State& state, std::size_t job, std::size_t place) const {
    return job_places_[job] == place && layout_.is_active(state, job) && !layout_.is_abandoned(state, job);
  }
  std::size_t place_of(std::size_t job) const { return job_places_[job]; }
  static std::string_view timeout() { return "does not wait any longer"; }
  static std::string_view refused() { return "finds a full queue"; }

 private:
  template <class Done>
  void settle(State state, std::size_t party, unsigned position, const Done& done) const;
  template <class Emit>
  void step(const State& state, std::size_t party, const Emit& emit) const;
  bool is_handed_over(State& next, const PartyStep& step) const;
  bool wait(State& next, std::size_t party, const PartyStep& step) const;
  void give_up(State& next, const PartyStep& step) const;
  template <class Emit>
  void start_queued(const State& state, std::size_t place, const Emit& emit) const;

  const Topology& topology_;
  const Layout& layout_;
  std::vector<std::size_t> job_places_;
};

/// Puts the party before a step; what only it can see of a step is done at once, a choice both ways.
template <class Done>
void Moves::settle(State state, std::size_t party, unsigned position, const Done& done) const {
  const std::vector<PartyStep>& steps = topology_.parties[party].steps;
  const bool is_job = topology_.parties[party].kind == WaitingParty::Kind::Job;
  while (position < steps.size() && steps[position].verb == Verb::Until) {
    const PartyStep& until = steps[position];
    position = layout_.last(state, party) == until.value ? position + 1 : until.target;
  }
  if (position < steps.size() && steps[position].verb == Verb::Again) {
    settle(state, party, steps[position].target, done);
    settle(state, party, position + 1, done);
    return;
  }
  if (position >= steps.size() && topology_.parties[party].kind == WaitingParty::Kind::Service) {
    return settle(state, party, 0, done);
  }
  Layout::position(state, party) = static_cast<std::uint8_t>(position);
  if (position >= steps.size()) {
    layout_.remember(state, party, 0);
    layout_.abandoned(state, party) = 0;
    if (is_job) Layout::position(state, party) = kIdle;
  }
  done(state);
}

/// Whether the step can be done now; what it does but for the position.
bool Moves::wait(State& next, std::size_t party, const PartyStep& step) const {
  switch (step.verb) {
    case Verb::Send:
      if (layout_.is_full(next, step.place)) return false;
      layout_.push(next, step.place, step.value);
      return true;
    case Verb::Take:
      if (layout_.count(next, step.place) == 0) return false;
      layout_.remember(next, party, layout_.pop(next, step.place));
      return true;
    case Verb::Flush: return layout_.count(next, step.place) == 0;
    case Verb::Await:
    case Verb::Join: return next[step.job] != kQueued && !layout_.is_active(next, step.job);
    case Verb::Acquire:
      if (layout_.count(next, step.place) == 0) return false;
      layout_.add_permits(next, step.place, -1);
      return true;
    default: return true;
  }
}

/// A job that is begun: started at once, or in the queue of its threads. False where it is refused.
bool Moves::is_handed_over(State& next, const PartyStep& step) const {
  if (next[step.job] != kIdle) return false;
  if (topology_.places[step.place].kind == BoundedPlace::Kind::Starts) return true;
  if (layout_.is_full(next, step.place)) return false;
  layout_.push(next, step.place, step.job);
  Layout::position(next, step.job) = kQueued;
  return true;
}

/// The wait has come to its bound.
void Moves::give_up(State& next, const PartyStep& step) const {
  if (step.verb != Verb::Await) return;
  if (next[step.job] == kQueued) {
    layout_.remove(next, job_places_[step.job], step.job);
    Layout::position(next, step.job) = kIdle;
  } else {
    layout_.abandoned(next, step.job) = 1;
  }
}

template <class Emit>
void Moves::step(const State& state, std::size_t party, const Emit& emit) const {
  const PartyStep& step = layout_.step(state, party);
  const std::string& who = topology_.parties[party].name;
  const unsigned next_position = state[party] + 1U;
  State next = state;
  const auto go = [&](unsigned position, std::string_view what) {
    settle(next, party, position, [&](const State& settled) { emit(settled, who, what, step.is_outside); });
  };
  switch (step.verb) {
    case Verb::Put:
      if (!layout_.is_full(next, step.place)) layout_.push(next, step.place, step.value);
      return go(next_position, step.text);
    case Verb::Release: layout_.add_permits(next, step.place, 1); return go(next_position, step.text);
    case Verb::Begin:
    case Verb::Call: {
      if (!is_handed_over(next, step)) {
        // Who called goes on with the error, who wanted to begin something ends with it.
        const auto end = static_cast<unsigned>(topology_.parties[party].steps.size());
        return go(step.verb == Verb::Call ? next_position + 1 : end, refused());
      }
      if (next[step.job] == kQueued) return go(next_position, step.text);
      return settle(next, step.job, 0, [&](const State& started) {
        next = started;
        go(next_position, step.text);
      });
    }
    default: break;
  }
  if (wait(next, party, step)) return go(next_position, step.text);
  if (!step.is_bounded) return;
  give_up(next, step);
  if (step.verb == Verb::Take) layout_.remember(next, party, 0);
  go(step.verb == Verb::Acquire ? step.target : next_position, timeout());
}

template <class Emit>
void Moves::start_queued(const State& state, std::size_t place, const Emit& emit) const {
  const BoundedPlace& queue = topology_.places[place];
  if (queue.kind != BoundedPlace::Kind::Threads || layout_.count(state, place) == 0) return;
  unsigned running = 0;
  for (std::size_t p = 0; p < topology_.parties.size(); ++p) running += holds_thread(state, p, place) ? 1 : 0;
  if (running >= queue.threads) return;
  State next = state;
  const unsigned job = layout_.pop(next, place);
  settle(next, job, 0, [&](const State& settled) { emit(settled, topology_.parties[job].name, "starts", false); });
}

template <class Emit>
void Moves::from(const State& state, const Emit& emit) const {
  for (std::size_t p = 0; p < topology_.parties.size(); ++p) {
    if (layout_.is_active(state, p)) step(state, p, emit);
  }
  for (std::size_t q = 0; q < topology_.places.size(); ++q) start_queued(state, q, emit);
}

/// Says who waits for whom in a state in which nobody can go on.
class Explanation {
 public:
  Explanation(const Topology& topology, const Layout& layout, const Moves& moves, const State& state)
      : topology_(topology), layout_(layout), moves_(moves), state_(state) {}
  std::string text() const;

 private:
  using Parties = std::vector<std::size_t>;
  bool is_there(std::size_t party) const { return layout_.is_active(state_, party); }
  Parties those_that(const std::function<bool(std::size_t)>& condition) const {
    Parties found;
    for (std::size_t p = 0; p < topology_.parties.size(); ++p) {
      if (is_there(p) && condition(p)) found.push_back(p);
    }
    return found;
  }
  bool has_step(std::size_t party, unsigned place, std::initializer_list<Verb> verbs) const {
    return std::ranges::any_of(topology_.parties[party].steps, [&](const PartyStep& step) {
      return step.place == place && std::ranges::find(verbs, step.verb) != verbs.end();
    });
  }
  bool holds_permit(std::size_t party, unsigned place) const;
  Parties blockers(std::size_t party) const;
  std::string wait_of(std::size_t party) const;
  bool find_cycle(std::size_t party, Parties& path, std::vector<bool>& seen) const;

  const Topology& topology_;
  const Layout& layout_;
  const Moves& moves_;
  const State& state_;
};

bool Explanation::holds_permit(std::size_t party, unsigned place) const {
  int held = 0;
  for (std::size_t i = 0; i < state_[party]; ++i) {
    const PartyStep& step = topology_.parties[party].steps[i];
    if (step.place == place && step.verb == Verb::Acquire) ++held;
    if (step.place == place && step.verb == Verb::Release) --held;
  }
  return held > 0;
}

/// Those that could end the party's wait.
Explanation::Parties Explanation::blockers(std::size_t party) const {
  const PartyStep& step = layout_.step(state_, party);
  switch (step.verb) {
    case Verb::Send:
    case Verb::Flush: return those_that([&](std::size_t p) { return has_step(p, step.place, {Verb::Take}); });
    case Verb::Take: return those_that([&](std::size_t p) { return has_step(p, step.place, {Verb::Put, Verb::Send}); });
    case Verb::Acquire: return those_that([&](std::size_t p) { return holds_permit(p, step.place); });
    case Verb::Await:
    case Verb::Join:
      if (state_[step.job] != kQueued) return {step.job};
      return those_that([&](std::size_t p) { return moves_.holds_thread(state_, p, moves_.place_of(step.job)); });
    default: return {};
  }
}

std::string Explanation::wait_of(std::size_t party) const {
  const PartyStep& step = layout_.step(state_, party);
  const bool is_queued = (step.verb == Verb::Await || step.verb == Verb::Join) && state_[step.job] == kQueued;
  const std::size_t where = is_queued ? moves_.place_of(step.job) : step.place;
  const std::string place = topology_.places.empty() ? "" : "'" + topology_.places[where].name + "'";
  std::string text = topology_.parties[party].name + " waits for ";
  std::string then;
  switch (step.verb) {
    case Verb::Send: text += "room in " + place, then = " takes from it"; break;
    case Verb::Flush: text += place + " to be empty", then = " takes from it"; break;
    case Verb::Take: text += "a value in " + place, then = " sends to it"; break;
    case Verb::Acquire: text += "a permit of " + place, then = " holds one"; break;
    case Verb::Await:
    case Verb::Join:
      text += "the end of " + topology_.parties[step.job].name;
      if (is_queued) text += ", which waits for a thread of " + place, then = " holds one";
      break;
    default: return text + "what comes from outside: " + step.text;
  }
  const Parties by = blockers(party);
  if (by.empty()) return text + ", and nobody is left for that";
  if (then.empty()) return text;
  text += " (";
  for (std::size_t i = 0; i < by.size(); ++i) text += (i == 0 ? "" : ", ") + topology_.parties[by[i]].name;
  return text + then + ")";
}

bool Explanation::find_cycle(std::size_t party, Parties& path, std::vector<bool>& seen) const {
  const auto at = std::ranges::find(path, party);
  if (at != path.end()) {
    path.erase(path.begin(), at);
    return true;
  }
  if (seen[party]) return false;
  seen[party] = true;
  path.push_back(party);
  for (const std::size_t next : blockers(party)) {
    if (find_cycle(next, path, seen)) return true;
  }
  path.pop_back();
  return false;
}

std::string Explanation::text() const {
  Parties who = those_that([](std::size_t) { return true; });
  std::string begin = "nobody can go on: ";
  for (const std::size_t p : who) {
    Parties path;
    std::vector<bool> seen(topology_.parties.size());
    if (!find_cycle(p, path, seen)) continue;
    who = path;
    begin = "a cycle of waits: ";
    break;
  }
  for (std::size_t i = 0; i < who.size(); ++i) begin += (i == 0 ? "" : "; ") + wait_of(who[i]);
  return begin;
}

/// All states that can be reached, and the steps between them.
class Exploration {
 public:
  explicit Exploration(const Topology& topology) : topology_(topology), layout_(topology), moves_(topology, layout_) {}

  WaitVerdict run(std::size_t states_max);

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Origin {
    std::uint32_t from = kNone;
    std::string_view who;
    std::string_view what;
  };

  std::uint32_t index_of(const State& state, std::uint32_t from, std::string_view who, std::string_view what);
  bool is_end(const State& state) const;
  std::vector<bool> can_end() const;
  std::string way_to(std::uint32_t index) const;
  std::string problem() const;

  const Topology& topology_;
  const Layout layout_;
  const Moves moves_;
  StateSet states_;
  std::vector<Origin> origins_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_;  ///< without those of the outside
};

std::uint32_t Exploration::index_of(const State& state, std::uint32_t from, std::string_view who,
                                    std::string_view what) {
  const auto [number, is_new] = states_.insert(state);
  if (is_new) origins_.push_back({.from = from, .who = who, .what = what});
  return number;
}

/// Threads have ended; jobs have, too, or stand before what may never come.
bool Exploration::is_end(const State& state) const {
  for (std::size_t p = 0; p < topology_.parties.size(); ++p) {
    if (topology_.parties[p].kind == WaitingParty::Kind::Service || !layout_.is_active(state, p)) continue;
    if (topology_.parties[p].kind == WaitingParty::Kind::Thread) return false;
    if (!layout_.step(state, p).is_outside) return false;
  }
  return true;
}

/// Of each state: whether an end can be reached from it without the outside.
std::vector<bool> Exploration::can_end() const {
  std::vector<std::uint32_t> first(states_.size() + 1), before(edges_.size());
  for (const auto& [from, to] : edges_) ++first[to + 1];
  for (std::size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  std::vector<std::uint32_t> place = first;
  for (const auto& [from, to] : edges_) before[place[to]++] = from;
  std::vector<bool> result(states_.size());
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (!is_end(states_[i])) continue;
    result[i] = true;
    open.push_back(i);
  }
  while (!open.empty()) {
    const std::uint32_t to = open.back();
    open.pop_back();
    for (std::uint32_t i = first[to]; i < first[to + 1]; ++i) {
      if (result[before[i]]) continue;
      result[before[i]] = true;
      open.push_back(before[i]);
    }
  }
  return result;
}

std::string Exploration::way_to(std::uint32_t index) const {
  std::vector<std::string> steps;
  for (; origins_[index].from != kNone; index = origins_[index].from) {
    steps.push_back(std::string(origins_[index].who) + ": " + std::string(origins_[index].what));
  }
  std::string text;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) text += "\n  " + *step;
  return text;
}

std::string Exploration::problem() const {
  const std::vector<bool> is_good = can_end();
  std::vector<bool> has_next(states_.size());
  for (const auto& [from, to] : edges_) has_next[from] = true;
  std::uint32_t worst = kNone;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (is_good[i]) continue;
    if (worst == kNone) worst = i;
    if (has_next[i]) continue;
    worst = i;
    break;
  }
  if (worst == kNone) return {};
  const std::string what = Explanation(topology_, layout_, moves_, states_[worst]).text();
  return (has_next[worst] ? "they go on for ever and cannot end: " : "") + what + "\nafter:" + way_to(worst);
}

WaitVerdict Exploration::run(std::size_t states_max) {
  index_of(layout_.start(), kNone, "", "");
  WaitVerdict verdict;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (states_.size() > states_max) {
      verdict.problem = "more than " + std::to_string(states_max) + " states: the model is too large";
      break;
    }
    const State state = states_[i];
    moves_.from(state, [&](const State& next, std::string_view who, std::string_view what, bool is_outside) {
      const std::uint32_t to = index_of(next, i, who, what);
      if (!is_outside) edges_.emplace_back(i, to);
    });
  }
  verdict.states = states_.size();
  if (verdict.problem.empty()) verdict.problem = problem();
  return verdict;
}

/// A wait that nothing but another party ends.
bool is_unbounded(const PartyStep& step) {
  switch (step.verb) {
    case Verb::Send:
    case Verb::Take:
    case Verb::Flush:
    case Verb::Await:
    case Verb::Join:
    case Verb::Acquire: return !step.is_bounded;
    case Verb::Outside: return true;
    default: return step.is_outside;
  }
}

std::vector<std::string> broken_rules(const Topology& topology) {
  std::vector<std::string> broken;
  for (const WaitingParty& party : topology.parties) {
    std::vector<unsigned> held;
    for (const PartyStep& step : party.steps) {
      if (!held.empty() && is_unbounded(step)) {
        broken.push_back(party.name + " holds a permit of '" + topology.places[held.back()].name +
                         "' while it waits without a bound: " + step.text);
      }
      if (step.verb == Verb::Acquire) held.push_back(step.place);
      if (step.verb == Verb::Release) std::erase(held, step.place);
    }
  }
  return broken;
}

}  // namespace

WaitVerdict check_waits(const Topology& topology, std::size_t states_max) {
  WaitVerdict verdict = Exploration(topology).run(states_max);
  verdict.broken_rules = broken_rules(topology);
  return verdict;
}

}  // namespace sluice::async
