#pragma once

namespace sluice::app {

class Console;
class Display;
class OpLogOutput;
class OpLogText;
class ResultsDir;
class ResultsWriter;
class RunSink;
class Signals;
class TargetBook;
struct CommandLine;
struct LoadedPlan;
struct OpLogInput;
struct OpLogReport;
struct RunOptions;

}  // namespace sluice::app
