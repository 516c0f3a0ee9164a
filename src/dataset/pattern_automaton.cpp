#include "dataset/pattern_automaton.hpp"

#include <algorithm>
#include <bit>
#include <map>

namespace sluice::dataset {

namespace {

template <class Visit>
void for_each_state(const StateSet& set, Visit visit) {
  for (std::size_t word = 0; word < set.size(); ++word) {
    for (std::uint64_t bits = set[word]; bits != 0; bits &= bits - 1) {
      visit(static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
    }
  }
}

void unite(StateSet& into, const StateSet& other) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] |= other[i];
}

bool is_empty(const StateSet& set) {
  return std::ranges::all_of(set, [](std::uint64_t word) { return word == 0; });
}

ByteSet all_but_slash() { return ByteSet().set().reset('/'); }

}  // namespace

std::uint32_t PatternAutomaton::add_state() {
  states_.emplace_back();
  return static_cast<std::uint32_t>(states_.size() - 1);
}

void PatternAutomaton::add_edge(std::uint32_t from, const ByteSet& bytes, std::uint32_t to) {
  auto found = std::ranges::find(byte_sets_, bytes);
  if (found == byte_sets_.end()) found = byte_sets_.insert(found, bytes);
  states_[from].edges.push_back({static_cast<std::uint32_t>(found - byte_sets_.begin()), to});
}

void PatternAutomaton::add_empty_edge(std::uint32_t from, std::uint32_t to) { states_[from].empty_edges.push_back(to); }

void PatternAutomaton::finish(std::uint32_t start) {
  start_ = start;
  for (std::uint32_t state = 0; state < states_.size(); ++state) close(state);
  derive_properties();
  make_byte_classes();
  if (states_.size() <= kDeterminedFromMax) determinize();
}

void PatternAutomaton::close(std::uint32_t state) {
  StateSet& closure = states_[state].closure;
  closure.assign((states_.size() + 63) / 64, 0);
  std::vector<std::uint32_t> open{state};
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    std::uint64_t& word = closure[at / 64];
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    if ((word & bit) != 0) continue;
    word |= bit;
    open.insert(open.end(), states_[at].empty_edges.begin(), states_[at].empty_edges.end());
  }
}

/// Does the state accept a file after every continuation made of `bytes`, over and over?
bool PatternAutomaton::loops_over(const State& state, std::uint32_t self, const ByteSet& bytes) const {
  if ((properties(state.closure) & kFile) == 0) return false;
  return std::ranges::any_of(
      state.edges, [&](const Edge& edge) { return edge.to == self && (byte_sets_[edge.bytes] & bytes) == bytes; });
}

void PatternAutomaton::derive_properties() {
  std::vector<std::uint8_t> derived(states_.size(), 0);
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (!states_[i].edges.empty()) derived[i] |= kAlive;
    for (const Edge& edge : states_[i].edges) {
      for (const auto& [bytes, property] :
           {std::pair(all_but_slash(), kEveryEntry), {ByteSet().set(), kEverythingBelow}}) {
        const bool whole = (byte_sets_[edge.bytes] & bytes) == bytes;
        if (whole && loops_over(states_[edge.to], edge.to, bytes)) derived[i] |= property;
      }
    }
  }
  for (std::size_t i = 0; i < states_.size(); ++i) states_[i].properties |= derived[i];
}

void PatternAutomaton::step(StateSet& set, unsigned char byte) const {
  StateSet next(set.size(), 0);
  for_each_state(set, [&](std::uint32_t state) {
    for (const Edge& edge : states_[state].edges) {
      if (byte_sets_[edge.bytes][byte]) unite(next, states_[edge.to].closure);
    }
  });
  set = std::move(next);
}

std::uint8_t PatternAutomaton::properties(const StateSet& set) const {
  std::uint8_t all = 0;
  for_each_state(set, [&](std::uint32_t state) { all |= states_[state].properties; });
  return all;
}

/// Bytes that no edge tells apart share a column of the table.
void PatternAutomaton::make_byte_classes() {
  std::map<std::vector<bool>, std::uint8_t> classes;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::vector<bool> members;
    members.reserve(byte_sets_.size());
    for (const ByteSet& set : byte_sets_) members.push_back(set[byte]);
    byte_class_[byte] = classes.try_emplace(members, static_cast<std::uint8_t>(classes.size())).first->second;
  }
  class_count_ = classes.size();
}

void PatternAutomaton::determinize() {
  std::array<unsigned char, 256> example{};
  for (std::size_t byte = 0; byte < 256; ++byte) example[byte_class_[byte]] = static_cast<unsigned char>(byte);

  std::vector<StateSet> sets{StateSet(start_set().size(), 0), start_set()};
  std::map<StateSet, std::uint16_t> numbers{{sets[0], std::uint16_t{0}}, {sets[1], std::uint16_t{1}}};
  std::vector<std::uint16_t> next(class_count_, 0);
  for (std::size_t state = 1; state < sets.size(); ++state) {
    for (std::size_t column = 0; column < class_count_; ++column) {
      StateSet to = sets[state];
      step(to, example[column]);
      const auto [found, is_new] = numbers.try_emplace(to, static_cast<std::uint16_t>(sets.size()));
      if (is_new) sets.push_back(std::move(to));
      if (sets.size() > kDeterministicStatesMax) return;
      next.push_back(found->second);
    }
  }
  next_ = std::move(next);
  for (const StateSet& set : sets) properties_.push_back(is_empty(set) ? std::uint8_t{0} : properties(set));
}

}  // namespace sluice::dataset
