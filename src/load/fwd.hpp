#pragma once

namespace sluice::load {

class Activity;
class BlockSink;
class Collector;
class ErrorBudget;
class LoopWorker;
class MadeNames;
class MadeRegistry;
class MarkerWriter;
class MixSource;
class OpSource;
class OperationDrain;
class OperationLane;
class OperationSink;
class PreparedSet;
class PutDirectories;
class RangeSource;
class RangeWork;
class Recorder;
class Schedule;
class SharedSchedule;
class SlotPayload;
class StageControl;
class StageHost;
class StageJob;
class SyncWorker;
class Targets;
class Worker;
struct Batch;
struct Crew;
struct Lane;
struct MixLine;
struct MixPlan;
struct PassOutcome;
struct PassShared;
struct PassSpec;
struct Place;
struct Preflight;
struct RunContext;
struct StageClock;
struct StageResult;

}  // namespace sluice::load
