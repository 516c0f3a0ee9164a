#pragma once

namespace sluice::model {

class Histogram;
class Names;
struct Access;
struct AgentSpec;
struct BarrierFigures;
struct BarrierSync;
struct ClientCost;
struct DataSpec;
struct Dataset;
struct Distributed;
struct ErrorHandling;
struct ErrorSample;
struct ErrorSummary;
struct HostFacts;
struct Interval;
struct IoRate;
struct MultiEndpoint;
struct NameOrigin;
struct NamesRecipe;
struct NotableOp;
struct Note;
struct OpRecord;
struct OpStats;
struct Operation;
struct OperationRecords;
struct Prepare;
struct Progress;
struct RangeEngine;
struct RunEnded;
struct RunPlan;
struct RunStarted;
struct SizeClassStats;
struct SizeSpec;
struct SlowOp;
struct Stage;
struct StageEnded;
struct StageStarted;
struct StageSummary;
struct Summary;
struct TargetNames;
struct TakenRecord;
struct Threshold;
struct ThresholdVerdict;
struct TreeShape;
struct Unbuilt;
struct WorkerInfo;

}  // namespace sluice::model
