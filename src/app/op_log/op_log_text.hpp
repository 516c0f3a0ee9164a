#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/export_format.hpp"
#include "app/op_log/target_book.hpp"
#include "model/op_record.hpp"

namespace sluice::app {

/// An operation as a row of an op-log has it.
struct OpLogRow {
  std::uint64_t index = 0;  ///< of the row, from 0
  const model::OpRecord* record = nullptr;
  std::string_view party;
  RecordTarget target;
  std::uint32_t stage = 0;  ///< from 0
  std::string_view stage_name;
};

/// Writes rows of an op-log. The first thirteen columns, their names and what stands in them, are those of the op-logs
/// of warp's replay and of sai3-bench (s3dlio, src/s3_logger.rs, src/object_store_logger.rs), so that what reads those
/// reads these; ours follow. Two times of a row that are alike are written alike, and every run of the program writes
/// the same bytes for the same rows.
///
///   idx           of the row, from 0
///   thread        the worker that did it
///   op            GET, PUT, LIST, STAT, DELETE, MKDIR, ...
///   client_id     the party
///   n_objects     that it was about: 1
///   bytes         moved
///   endpoint      where the target is: "file://", "s3://bucket"
///   file          the target's URI without its scheme: "/mnt/a/dir/file", "bucket/key"
///   error         nothing, or the kind of failure, and its errno or HTTP status
///   start, first_byte, end    RFC 3339 with nanoseconds, UTC; first_byte only where it is known
///   duration_ns   end - start
///   intended      when it was due; in a closed loop its start
///   offset        of read and write: where the block begins
///   tries         after the first
///   stage_index, stage        from 1, as the tables have it; its name
class OpLogText {
 public:
  /// `began_ns`: of the run, since 1970.
  OpLogText(ExportFormat format, std::int64_t began_ns) : format_(format), began_ns_(began_ns) {}

  /// The line of names, where the format has one.
  void put_header(std::string& out) const;
  void put_row(const OpLogRow& row, std::string& out);

 private:
  /// "2026-11-21T03:44:21": the second that was asked for last.
  struct Second {
    std::int64_t number = INT64_MIN;
    std::string text;
  };
  char separator() const { return format_ == ExportFormat::Tsv ? '\t' : ','; }
  void put_time(std::int64_t at_ns, std::string& out);
  void put_cell(std::string_view text, std::string& out) const;
  void split(const RecordTarget& target);

  const ExportFormat format_;
  const std::int64_t began_ns_;
  Second second_;
  std::string endpoint_, file_;
};

}  // namespace sluice::app
