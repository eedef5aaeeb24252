#pragma once

#include <functional>
#include <memory>
#include <string>

#include "util/event.hpp"
#include "util/status.hpp"

struct redisContext;
struct ssl_ctx_st;
struct ssl_st;

namespace agentmq::redis {

// Files are PEM; "" where there is none.
struct TlsOptions {
  std::string ca;  // file or folder; "": the system's
  std::string certificate;
  std::string key;
  bool verify = true;  // the chain and the host's name
};

// What all connections of a bus have in common: the certificates, read once. Thread-safe.
class Tls {
 public:
  // kTls: a file is of no use; kUnsupported: the library was built without TLS.
  static Result<std::shared_ptr<const Tls>> Make(const TlsOptions& options);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

 private:
  friend class TlsSession;
  Tls() = default;

  ssl_ctx_st* context_ = nullptr;
  bool verify_ = true;
  bool has_certificate_ = false;
};

// TLS of one connection. Must live as long as the hiredis context, which owns the SSL below it from the handshake on.
class TlsSession {
 public:
  explicit TlsSession(const Tls& tls) : tls_(tls) {}
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Shakes hands over a connected context that does not block, with whom the certificate must name as `host`. kTls says
  // what failed; kUnavailable, kInterrupted.
  // answers_in_the_clear: asked once where the server is silent, for one that takes the handshake for the begin of a
  // command waits for its end without a word.
  Status Handshake(redisContext* context, const std::string& host, const Patience& patience,
                   const std::function<bool()>& answers_in_the_clear);

  // Before a read or write: failures of others on this thread would be taken for its own.
  static void ForgetFailures();
  // kTls with what TLS has to say of this thread's last read or write, which failed; else ok.
  Status Failure() const;
  // The same for a connection that broke before the first answer: since TLS 1.3 the server looks at our certificate when
  // the handshake is over here, and its refusal may have to be read behind a write that failed.
  Status Refusal() const;
  // Whether bytes have been taken from the socket, where poll() no longer sees them, and not been read.
  bool Pending() const;

 private:
  Status Make(const std::string& host);
  bool ReceivedNothing() const;
  Status Judge() const;

  const Tls& tls_;
  ssl_st* ssl_ = nullptr;
  std::string host_;
  bool asked_for_certificate_ = false;
};

}  // namespace agentmq::redis
