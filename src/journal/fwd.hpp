#pragma once

namespace sluice::journal {

class BlockLog;
class ChunkSource;
class OpLogReader;
class OpLogWriter;
class RecordMerge;
class RunLog;
class SegmentDevice;
class SegmentReader;
class SegmentWriter;
struct ChunkFlaw;
struct ChunkPlace;
struct Frame;
struct LogFlaw;
struct LogReport;
struct MergedRecord;
struct RunLogContent;
struct SegmentFlaw;
struct SegmentOptions;
struct SegmentRecovery;

}  // namespace sluice::journal
