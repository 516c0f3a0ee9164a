#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "journal/postgres/host_lookup.hpp"
#include "journal/postgres/postgres_backend.hpp"
#include "journal/postgres/server_address.hpp"
#include "journal/postgres/server_error.hpp"
#include "journal/postgres/tests/private_server.hpp"

namespace sluice::journal::postgres {
namespace {

TEST(ServerAddress, says_where_it_is_and_never_the_password) {
  const auto address = ServerAddress::parse("postgres://anna:s3cr3t%2Fword@db.example:6543/results?sslmode=prefer");
  ASSERT_TRUE(address) << base::to_text(address.error());
  EXPECT_EQ(address->name(), "postgres://db.example:6543/results");
  EXPECT_EQ(address->where(), "host db.example, port 6543, database results, user anna");
  EXPECT_EQ(address->without_secrets("it was s3cr3t/word, s3cr3t/word!"), "it was ***, ***!");
}

TEST(ServerAddress, takes_a_password_of_the_options_for_one) {
  const auto address = ServerAddress::parse("postgresql://db/results?user=anna&password=hunter22");
  ASSERT_TRUE(address) << base::to_text(address.error());
  EXPECT_EQ(address->user(), "anna");
  EXPECT_EQ(address->without_secrets("hunter22"), "***");
}

TEST(ServerAddress, takes_the_folder_of_a_socket) {
  const auto address = ServerAddress::parse("postgres://anna@/results?host=/run/postgresql");
  ASSERT_TRUE(address) << base::to_text(address.error());
  EXPECT_EQ(address->where(), "host /run/postgresql, port 5432, database results, user anna");
}

TEST(ServerAddress, repeats_nothing_of_a_uri_that_it_refuses) {
  const std::vector<std::string> refused = {
      "sqlite:hunter22",
      "postgres:hunter22",
      "postgres://anna:pa%ZZhunter22@db/results",
      "postgres://anna:p@hunter22@db/results",
      "postgres://anna:p/hunter22@db/results",
      "postgres://anna:p?hunter22@db/results",
      "postgres://anna:hunter22@db/results?nonsense=hunter22",
      std::string("postgres://anna:x\0hunter22@db/results", 37),
  };
  for (const std::string& uri : refused) {
    const auto address = ServerAddress::parse(uri);
    ASSERT_FALSE(address) << uri;
    EXPECT_EQ(address.error().code, base::Code::InvalidArgument);
    EXPECT_EQ(base::to_text(address.error()).find("hunter"), std::string::npos) << base::to_text(address.error());
    EXPECT_FALSE(address.error().likely.empty() || address.error().try_next.empty());
  }
}

TEST(ServerError, reads_the_code_of_a_message_in_any_language) {
  const ServerMessage found = parse_verbose(
      "connection to server at \"db\" (10.0.0.1), port 5432 failed: SCHWERWIEGEND:  28P01: Passwort-Authentifizierung "
      "fehlgeschlagen\nORT:  auth_failed, auth.c:326\n");
  EXPECT_EQ(found.sqlstate, "28P01");
  EXPECT_EQ(found.text, "Passwort-Authentifizierung fehlgeschlagen");
  const ServerMessage own =
      parse_verbose("connection to server at \"db\", port 1 failed: Connection refused\n\tIs it?\n");
  EXPECT_EQ(own.sqlstate, "");
  EXPECT_EQ(own.text, "connection to server at \"db\", port 1 failed: Connection refused Is it?");
}

TEST(ServerError, each_code_of_the_server_has_one_of_ours) {
  const auto address = ServerAddress::parse("postgres://anna:hunter22@db/results");
  const std::vector<std::pair<std::string, base::Code>> codes = {
      {"", base::Code::Unavailable},
      {"08006", base::Code::Unavailable},
      {"22021", base::Code::InvalidArgument},
      {"23505", base::Code::InvalidArgument},
      {"25006", base::Code::PermissionDenied},
      {"28P01", base::Code::Unauthenticated},
      {"3D000", base::Code::NotFound},
      {"40001", base::Code::Unavailable},
      {"42501", base::Code::PermissionDenied},
      {"42P01", base::Code::Unavailable},
      {"53100", base::Code::ResourceExhausted},
      {"53300", base::Code::Unavailable},
      {"53200", base::Code::ResourceExhausted},
      {"57P03", base::Code::Unavailable},
      {"XX001", base::Code::Corrupt},
      {"42601", base::Code::Internal},
  };
  for (const auto& [state, code] : codes) {
    const base::Error error = server_error(*address, "do it", {.sqlstate = state, .text = "hunter22 said no"});
    EXPECT_EQ(error.code, code) << state;
    EXPECT_EQ(base::to_text(error).find("hunter22"), std::string::npos) << base::to_text(error);
    EXPECT_NE(error.where.find("host db, port 5432"), std::string::npos);
    EXPECT_FALSE(error.try_next.empty()) << state;
  }
  const base::Error rights = server_error(*address, "do it", {.sqlstate = "42501", .text = "permission denied"});
  EXPECT_NE(base::to_text(rights).find("GRANT USAGE ON SCHEMA sluice TO anna"), std::string::npos);
}

TEST(HostLookup, a_question_that_nobody_waits_for_is_counted_until_its_answer_comes) {
  const ServerAddress address = ServerAddress::parse("postgres://u@no-such-host.invalid/journal").value();
  const auto lookups = std::make_shared<Lookups>();
  const CallBounds at_once{.deadline = async::Deadline::at(base::now())};
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(look_up(address, lookups, {.bounds = at_once, .what = "ask"}));
    return lookups->left().ever > 0;
  }));
  EXPECT_TRUE(eventually([&] { return lookups->left().now == 0; }));
}

TEST(HostLookup, a_name_is_not_looked_up_while_many_questions_have_no_answer) {
  const ServerAddress address = ServerAddress::parse("postgres://u@localhost/journal").value();
  const auto lookups = std::make_shared<Lookups>();
  const CallBounds patient{.deadline = async::Deadline::in(std::chrono::seconds(30))};
  for (std::uint64_t i = 0; i < Lookups::kLeftMax; ++i) lookups->leave();
  const auto refused = look_up(address, lookups, {.bounds = patient, .what = "ask"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::ResourceExhausted);
  EXPECT_NE(base::to_text(refused.error()).find("getent hosts localhost"), std::string::npos);
  lookups->come_back();
  EXPECT_TRUE(look_up(address, lookups, {.bounds = patient, .what = "ask"}));
}

}  // namespace
}  // namespace sluice::journal::postgres
