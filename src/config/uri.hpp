#pragma once

#include <string>
#include <string_view>

#include "config/problems.hpp"
#include "model/run_plan.hpp"

namespace sluice::config {

/// The part before "://", in lower case; "" where there is none.
std::string scheme_of(std::string_view uri);
bool is_local_files(std::string_view uri);  ///< file:// or direct://
bool is_objects(std::string_view uri);      ///< s3://, az:// or gs://
/// Has the path a part ".."?
bool climbs(std::string_view path);
/// Schemes that `run` cannot drive yet.
inline bool is_unbuilt(std::string_view uri) { return is_objects(uri); }

/// Reads a base URI: it must have a known scheme, or be an absolute path (then file:// is put before it). Ends in '/'
/// afterwards, but for null:// with parameters.
bool read_base_uri(const YamlNode& node, Problems& problems, std::string& out);

/// Checks the URI of an operation's path, which is kept as given.
bool check_path_uri(const YamlNode& node, Problems& problems);

}  // namespace sluice::config
