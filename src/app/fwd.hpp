#pragma once

namespace sluice::app {

class Console;
class Display;
class Output;
class ResultsDir;
class ResultsWriter;
class RunSink;
class Signals;
struct CommandLine;
struct LoadedPlan;
struct RunOptions;

}  // namespace sluice::app
