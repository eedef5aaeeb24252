// TLS: what is asked of the server's certificate and of ours, and that all that holds in the clear holds over it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <future>

#include "integration/redis_test.hpp"
#include "support/certificates.hpp"

namespace agentmq::test {
namespace {

// Opens and closes; `sentence` receives why it failed.
mq_status Open(const std::string& url, std::string* sentence) {
  mq_bus* bus = nullptr;
  const mq_status status = mq_open(url.c_str(), nullptr, &bus);
  *sentence = status == MQ_OK ? "" : mq_last_error();
  mq_close(bus);
  return status;
}

testing::AssertionResult Fails(const std::string& url, mq_status expected, const std::string& words) {
  std::string sentence;
  const mq_status status = Open(url, &sentence);
  if (status == expected && sentence.find(words) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << url << ": " << mq_status_name(status) << ": " << sentence;
}

#if AGENTMQ_HIREDIS_SSL

testing::AssertionResult Opens(const std::string& url) {
  std::string sentence;
  const mq_status status = Open(url, &sentence);
  if (status == MQ_OK) return testing::AssertionSuccess();
  return testing::AssertionFailure() << url << ": " << mq_status_name(status) << ": " << sentence;
}

class TlsTest : public ::testing::Test {
 protected:
  // A server with this certificate; it asks clients for theirs where `asks` is "yes" or "optional".
  static std::unique_ptr<RedisServer> Serve(const Authority& authority, const Authority::Files& files,
                                            const std::string& asks = "no", const std::string& versions = "") {
    RedisServer::Options options;
    options.tls = true;
    options.config = {{"tls-ca-cert-file", authority.ca()},
                      {"tls-cert-file", files.certificate},
                      {"tls-key-file", files.key},
                      {"tls-auth-clients", asks}};
    if (!versions.empty()) options.config["tls-protocols"] = versions;
    return std::make_unique<RedisServer>(options);
  }
  std::string Url(int port, const std::string& query = "", const std::string& host = "localhost") const {
    return "rediss://" + host + ":" + std::to_string(port) + "?tls_ca=" + authority_.ca() +
           (query.empty() ? "" : "&" + query);
  }

  Authority authority_;
};

TEST_F(TlsTest, MessagesOfAnySizeGoThrough) {
  auto server = Serve(authority_, authority_.Issue("DNS:localhost"));
  Bus bus(Url(server->tls_port(), "max_items=0"));
  Subscription subscription = bus.Subscribe("c", "a", {{"prefetch", "1000"}});
  // Around the 16 KiB of a record of TLS and of a read, and large.
  for (const size_t size : {0, 1, 16'000, 16'383, 16'384, 16'385, 65'536, 300'000, 20'000'000}) {
    std::string payload(size, '\0');
    for (size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31 + i / 1000);
    Put(bus, "c", "a", payload);
    const Message message = Next(subscription);
    EXPECT_TRUE(message.payload() == payload) << size;
    bus.Ack(message);
  }
  std::vector<Message> many = Texts(3000, "a", std::string(3000, 'x'));
  bus.PublishBatch("c", many);
  const std::vector<std::string> taken = Take(bus, subscription, many.size());
  ASSERT_EQ(taken.size(), many.size());
  for (size_t i = 0; i < many.size(); ++i) ASSERT_EQ(taken[i], many[i].payload());
  EXPECT_EQ(bus.Count(), 0);
}

TEST_F(TlsTest, TheCertificateMustNameTheHost) {
  auto named = Serve(authority_, authority_.Issue("DNS:localhost"));
  EXPECT_TRUE(Opens(Url(named->tls_port())));
  EXPECT_TRUE(Fails(Url(named->tls_port(), "", "127.0.0.1"), MQ_TLS, "for another host than '127.0.0.1'"));
  auto numbered = Serve(authority_, authority_.Issue("IP:127.0.0.1"));
  EXPECT_TRUE(Opens(Url(numbered->tls_port(), "", "127.0.0.1")));
  EXPECT_TRUE(Fails(Url(numbered->tls_port()), MQ_TLS, "for another host than 'localhost'"));
  // A name is not an address, though it may be spelled like one.
  auto spelled = Serve(authority_, authority_.Issue("DNS:127.0.0.1"));
  EXPECT_TRUE(Fails(Url(spelled->tls_port(), "", "127.0.0.1"), MQ_TLS, "for another host"));
}

TEST_F(TlsTest, ACertificateOfAnUnknownCaIsRefused) {
  Authority other;
  auto server = Serve(other, other.Issue("DNS:localhost"));
  EXPECT_TRUE(Fails(Url(server->tls_port()), MQ_TLS, "unknown CA"));
  // Nor does the system know it.
  const std::string url = "rediss://localhost:" + std::to_string(server->tls_port());
  EXPECT_TRUE(Fails(url, MQ_TLS, "unknown CA"));
  EXPECT_TRUE(Opens(url + "?tls_verify=false"));
  EXPECT_TRUE(Opens("valkeys" + url.substr(6) + "?tls_ca=" + other.ca()));
  EXPECT_TRUE(Opens("redis" + url.substr(6) + "?tls=true&tls_ca=" + other.ca()));
}

TEST_F(TlsTest, ACertificateOutOfItsTimeIsRefused) {
  auto expired = Serve(authority_, authority_.Issue("DNS:localhost", {-7200, -3600}));
  EXPECT_TRUE(Fails(Url(expired->tls_port()), MQ_TLS, "has expired"));
  EXPECT_TRUE(Opens(Url(expired->tls_port(), "tls_verify=false")));
  auto early = Serve(authority_, authority_.Issue("DNS:localhost", {3600, 7200}));
  EXPECT_TRUE(Fails(Url(early->tls_port()), MQ_TLS, "not valid yet"));
}

TEST_F(TlsTest, AServerMayAskForOurCertificate) {
  const Authority::Files server_files = authority_.Issue("DNS:localhost");
  const Authority::Files ours = authority_.Issue("DNS:client");
  Authority other;
  const Authority::Files foreign = other.Issue("DNS:client");
  const auto with = [](const Authority::Files& files) {
    return "tls_cert=" + files.certificate + "&tls_key=" + files.key;
  };
  for (const char* version : {"TLSv1.2", "TLSv1.3"}) {
    auto server = Serve(authority_, server_files, "yes", version);
    // When the server says so is a matter of chance: the first bytes may be sent by then.
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(Fails(Url(server->tls_port()), MQ_TLS, "asks for a client certificate")) << version;
      ASSERT_TRUE(Fails(Url(server->tls_port(), with(foreign)), MQ_TLS, "refuses the certificate")) << version;
    }
    EXPECT_TRUE(Opens(Url(server->tls_port(), with(ours)))) << version;
    auto lenient = Serve(authority_, server_files, "optional", version);
    EXPECT_TRUE(Opens(Url(lenient->tls_port()))) << version;
  }
}

TEST_F(TlsTest, FilesThatAreOfNoUseAreSaidSo) {
  TempDir dir;
  const auto file = [&](const char* name, const std::string& text) {
    std::ofstream(dir.path() + "/" + name) << text;
    return dir.path() + "/" + name;
  };
  const std::string url = "rediss://localhost:1";
  const Authority::Files files = authority_.Issue("DNS:client");
  const Authority::Files others = authority_.Issue("DNS:client");
  const std::string text = file("text", "no certificate");
  EXPECT_TRUE(
      Fails(url + "?tls_ca=/nowhere/ca.crt", MQ_TLS, "'tls_ca': '/nowhere/ca.crt' can't be read: No such file"));
  EXPECT_TRUE(Fails(url + "?tls_ca=" + text, MQ_TLS, "'tls_ca'"));
  EXPECT_TRUE(Fails(url + "?tls_cert=" + files.certificate, MQ_INVALID, "go together"));
  EXPECT_TRUE(Fails(url + "?tls_key=" + files.key, MQ_INVALID, "go together"));
  EXPECT_TRUE(Fails(url + "?tls_cert=" + text + "&tls_key=" + files.key, MQ_TLS, "'tls_cert'"));
  EXPECT_TRUE(Fails(url + "?tls_cert=" + files.certificate + "&tls_key=" + text, MQ_TLS, "'tls_key'"));
  EXPECT_TRUE(Fails(url + "?tls_cert=" + files.certificate + "&tls_key=" + others.key, MQ_TLS, "is not the key of"));
  EXPECT_TRUE(Fails("redis://localhost:1?tls_ca=" + authority_.ca(), MQ_INVALID, "needs TLS"));
  EXPECT_TRUE(Fails("redis+unix:///s?tls=true", MQ_INVALID, "socket"));
  EXPECT_TRUE(Fails("rediss://localhost:1?tls=false", MQ_INVALID, "twice"));
}

TEST_F(TlsTest, ACaMayStandInAFolder) {
  auto server = Serve(authority_, authority_.Issue("DNS:localhost"));
  TempDir empty;
  EXPECT_TRUE(Fails("rediss://localhost:" + std::to_string(server->tls_port()) + "?tls_ca=" + empty.path(), MQ_TLS,
                    "unknown CA"));
  TempDir folder;
  std::filesystem::copy_file(authority_.ca(), folder.path() + "/" + authority_.hash() + ".0");
  EXPECT_TRUE(Opens("rediss://localhost:" + std::to_string(server->tls_port()) + "?tls_ca=" + folder.path()));
}

TEST_F(TlsTest, APortWithoutTlsAndOneWithAreToldApart) {
  RedisServer::Options options;
  options.tcp = true;
  options.tls = true;
  RedisServer server(options);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Fails(Url(server.port(), "connect_timeout=8s&open_timeout=8s"), MQ_TLS, "speaks no TLS"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s)
      << "a server that waits for the rest of a command is found out";
  const std::string clear = "redis://localhost:" + std::to_string(server.tls_port()) + "?open_timeout=100ms";
  EXPECT_TRUE(Fails(clear, MQ_UNAVAILABLE, "may want TLS"));
}

// The first bytes that a client sends.
std::string FirstWords(const std::string& host) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(listener, 8), 0);
  EXPECT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string url = "rediss://" + host + ":" + std::to_string(ntohs(address.sin_port)) + "?open_timeout=300ms";
  auto opening = std::async(std::launch::async, [&] {
    std::string ignored;
    return Open(url, &ignored);
  });
  const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  std::string words(4096, '\0');
  words.resize(static_cast<size_t>(std::max<ssize_t>(0, recv(client, words.data(), words.size(), 0))));
  close(client);
  close(listener);
  EXPECT_NE(opening.get(), MQ_OK);
  return words;
}

TEST_F(TlsTest, TheServerIsToldWhichNameIsWanted) {
  EXPECT_NE(FirstWords("localhost").find("localhost"), std::string::npos);
  EXPECT_EQ(FirstWords("127.0.0.1").find("127.0.0.1"), std::string::npos) << "an address is no name";
}

TEST_F(TlsTest, TheTimeToConnectCoversTheHandshake) {
  auto server = Serve(authority_, authority_.Issue("DNS:localhost"));
  Proxy proxy("127.0.0.1:" + std::to_string(server->tls_port()));
  proxy.BlackHole(true);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Fails(Url(proxy.port(), "connect_timeout=1s&open_timeout=900ms"), MQ_UNAVAILABLE, "in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  proxy.BlackHole(false);
  EXPECT_TRUE(Opens(Url(proxy.port())));
}

TEST_F(TlsTest, AConnectionThatGoesSilentEndsCallsAtTheirTimeoutAndIsReplaced) {
  auto server = Serve(authority_, authority_.Issue("DNS:localhost"));
  Proxy proxy("127.0.0.1:" + std::to_string(server->tls_port()));
  Bus bus(Url(proxy.port(), "command_timeout=500ms"));
  Subscription subscription = bus.Subscribe("c", "a");
  EXPECT_FALSE(subscription.Fetch(100ms));
  proxy.FreezeOpen();
  auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(mq_publish(bus.get(), "c", Text("lost", "a").get()), MQ_OK);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  Put(bus, "c", "a", "after");
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const std::optional<Message> message = subscription.Fetch(100ms);
    return message && message->payload() == "after";
  }));
  proxy.BlackHole(true);
  begin = std::chrono::steady_clock::now();
  EXPECT_NE(mq_publish(bus.get(), "c", Text("x", "a").get()), MQ_OK);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  proxy.BlackHole(false);
}

TEST_F(TlsTest, PublishersAndSubscribersOutliveTheirServer) {
  RedisServer::Options options;
  options.tls = true;
  options.config = {{"appendonly", "yes"}, {"appendfsync", "always"}};
  RedisServer server(options);
  Bus bus(server.Url("command_timeout=10s&breaker_failures=0"));
  Subscription subscription = bus.Subscribe("c", "a");
  for (int round = 0; round < 3; ++round) {
    const std::string text = "round " + std::to_string(round);
    server.Kill9();
    server.Start();
    Put(bus, "c", "a", text);
    const Message message = Next(subscription);
    EXPECT_EQ(message.payload(), text);
    bus.Ack(message);
  }
}

#else

TEST(WithoutTls, ItIsUnsupported) {
  EXPECT_TRUE(Fails("rediss://localhost:1", MQ_UNSUPPORTED, "no TLS"));
  EXPECT_TRUE(Fails("redis://localhost:1?tls=true", MQ_UNSUPPORTED, "no TLS"));
}

#endif

}  // namespace
}  // namespace agentmq::test
