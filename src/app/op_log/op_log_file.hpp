#pragma once

#include <string>

#include "app/op_log/op_log_rows.hpp"
#include "base/error.hpp"

namespace sluice::app {

/// Makes the file of a plan's op_log_path from the log of a results directory: every operation, sorted, a table as
/// OpLogText says, packed where the name ends in .zst. `path` is relative to the directory; folders in it are made.
/// The file has its name when it is whole and on the disk, never before; the same log makes the same bytes. It takes as
/// long as there are operations, some million a second: `go_on` is asked all the time, and where it says false nothing
/// is left behind. Blocks on the disk. What of the log cannot be read is in the report. Errors: Cancelled; NotFound
/// where there is no log; of reads and writes.
base::Result<OpLogReport> write_op_log(const std::string& results_dir, const std::string& path,
                                       const OpLogProgress& go_on);

}  // namespace sluice::app
