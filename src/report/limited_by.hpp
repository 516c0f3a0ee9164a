#pragma once

#include <string>

#include "base/time.hpp"
#include "model/summary.hpp"

namespace sluice::report {

/// What the rule needs to know that a summary does not say.
struct LimitInputs {
  double iops_wanted = 0;           ///< of the plan's io_rate; 0: closed loop
  bool error_budget_spent = false;  ///< the run was ended by its error handling
  base::Nanos held_back{0};         ///< for how long its back-offs kept operations from starting
};

/// Names the side that limited the load stages, so that nobody tunes the wrong one. The first rule that applies:
///
/// 1. "error budget": error handling ended the run, or held it back for at least a tenth of the time measured;
/// 2. "rate": a rate was asked for and at least 98 % of it was reached: the storage was never asked for more;
/// 3. "client CPU": the process used at least 90 % of the cores it could use, the smaller of the machine's cores and
///    its worker threads. A kernel copying from the page cache counts here as well: that is this machine's CPU;
///    So does null://, which does nothing;
/// 4. "storage": otherwise. The generator had time to spare, so it waited for answers.
///
/// "" where no load stage has measured anything.
std::string limited_by(const model::Summary& summary, const LimitInputs& inputs);

}  // namespace sluice::report
