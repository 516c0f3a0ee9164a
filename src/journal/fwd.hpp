#pragma once

namespace sluice::journal {

class BlockLog;
class OpLogWriter;
class RunLog;
class SegmentDevice;
class SegmentReader;
class SegmentWriter;
struct Frame;
struct LogFlaw;
struct LogReport;
struct RunLogContent;
struct SegmentFlaw;
struct SegmentOptions;
struct SegmentRecovery;

}  // namespace sluice::journal
