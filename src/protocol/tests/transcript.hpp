#pragma once

#include <string>

namespace sluice::protocol {

/// Runs a transcript and returns it as it should read: its own text, with the lines that begin with "->" replaced by
/// what the machine did. Invariants are checked after every step.
///
///   # a comment
///   stages NAME:TYPE[:optional][:timeout=S][:delay=S] ...
///   agents N | errors_max N
///   at SECONDS EVENT        start | ready AGENT STAGE [KIND] | progress AGENT STAGE DONE TOTAL ERRORS |
///                           ended AGENT STAGE completed|failed|refused|interrupted [NOTE] | budget STAGE ERRORS |
///                           interrupt SIGNAL COUNT | journal_failed | tick
///                           (refused: it has failed and changed nothing)
///   -> EFFECT               in order
///   -> next SECONDS | never
std::string play(const std::string& transcript);

}  // namespace sluice::protocol
