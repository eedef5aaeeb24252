#include "redis/tls.hpp"

#if AGENTMQ_HIREDIS_SSL

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

#include "util/sigpipe.hpp"
#include "util/text.hpp"

namespace agentmq::redis {
namespace {

constexpr int64_t kSilence = 500;  // ms without a byte until the server is suspected of speaking no TLS

// Of this thread's last failure.
std::string Reason() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "error " + std::to_string(ERR_GET_REASON(error));
}

Status Readable(const char* setting, const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return Status::Ok();
  return {Code::kTls, std::string("setting '") + setting + "': " + Quote(path) +
                          " can't be read: " + std::generic_category().message(errno)};
}

Status NoGood(const char* setting, const std::string& path, const char* what) {
  return {Code::kTls, std::string("setting '") + setting + "': " + Quote(path) + " " + what + ": " + Reason()};
}

// A key with a pass phrase would have it asked for at the terminal.
int NoPassPhrase(char*, int, int, void*) { return 0; }

Status Trust(SSL_CTX* context, const std::string& ca) {
  if (ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return Status::Ok();
    return {Code::kTls, "the system's CA certificates can't be read: " + Reason()};
  }
  if (Status status = Readable("tls_ca", ca); !status.ok()) return status;
  struct stat what {};
  const bool folder = stat(ca.c_str(), &what) == 0 && S_ISDIR(what.st_mode);
  const char* path = ca.c_str();
  if (SSL_CTX_load_verify_locations(context, folder ? nullptr : path, folder ? path : nullptr) == 1) {
    return Status::Ok();
  }
  return NoGood("tls_ca", ca, "holds no CA certificate in PEM");
}

Status Identify(SSL_CTX* context, const TlsOptions& options) {
  const std::string& certificate = options.certificate;
  const std::string& key = options.key;
  if (certificate.empty()) return Status::Ok();
  if (Status status = Readable("tls_cert", certificate); !status.ok()) return status;
  if (Status status = Readable("tls_key", key); !status.ok()) return status;
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return NoGood("tls_cert", certificate, "holds no certificate in PEM");
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1) return Status::Ok();
  if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
    return {Code::kTls,
            "setting 'tls_key': " + Quote(key) + " is not the key of the certificate in " + Quote(certificate)};
  }
  return NoGood("tls_key", key, "holds no key in PEM that needs no pass phrase");
}

bool IsIp(const std::string& host) {
  in6_addr ignored;
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 || inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string WhyNotTrusted(long result, const std::string& host) {
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the server's certificate, or its CA's, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the server's certificate, or its CA's, is not valid yet: is this machine's clock right?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the server's certificate is for another host than " + Quote(host);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // of one that has the name of a CA that is known
      return "the server's certificate comes from an unknown CA: setting 'tls_ca' says which to trust";
    default:
      return std::string("the server's certificate is not valid: ") + X509_verify_cert_error_string(result);
  }
}

}  // namespace

Result<std::shared_ptr<const Tls>> Tls::Make(const TlsOptions& options) {
  // At exit other threads may still be at work: nothing is torn down under them.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
  ERR_clear_error();
  std::shared_ptr<Tls> tls(new Tls);
  tls->context_ = SSL_CTX_new(TLS_client_method());
  if (tls->context_ == nullptr) return Status(Code::kTls, "TLS can't be set up: " + Reason());
  SSL_CTX_set_min_proto_version(tls->context_, TLS1_2_VERSION);
  // Commands and answers say by themselves where they end.
  SSL_CTX_set_options(tls->context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_default_passwd_cb(tls->context_, NoPassPhrase);
  tls->verify_ = options.verify;
  tls->has_certificate_ = !options.certificate.empty();
  SSL_CTX_set_verify(tls->context_, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  Status status = options.verify ? Trust(tls->context_, options.ca) : Status::Ok();
  if (status.ok()) status = Identify(tls->context_, options);
  ERR_clear_error();
  if (!status.ok()) return status;
  return std::shared_ptr<const Tls>(std::move(tls));
}

Tls::~Tls() { SSL_CTX_free(context_); }

Status TlsSession::Make(const std::string& host) {
  host_ = host;
  ssl_ = SSL_new(tls_.context_);
  if (ssl_ == nullptr) return {Code::kNoMemory, "no memory for a connection"};
  // Called when the server asks for a certificate.
  SSL_set_cert_cb(
      ssl_,
      [](SSL*, void* asked) {
        *static_cast<bool*>(asked) = true;
        return 1;
      },
      &asked_for_certificate_);
  bool set = false;
  if (IsIp(host)) {
    set = !tls_.verify_ || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    set =
        SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1 && (!tls_.verify_ || SSL_set1_host(ssl_, host.c_str()) == 1);
  }
  if (set) return Status::Ok();
  return {Code::kTls, "TLS can't be asked for " + Quote(host) + ": " + Reason()};
}

Status TlsSession::Handshake(redisContext* context, const std::string& host, const Patience& patience,
                             const std::function<bool()>& answers_in_the_clear) {
  ForgetFailures();
  if (Status status = Make(host); !status.ok()) {
    SSL_free(std::exchange(ssl_, nullptr));
    return status;
  }
  NoSigpipe guard;
  if (redisInitiateSSL(context, ssl_) != REDIS_OK) {
    guard.Discard();
    Status status = Judge();
    SSL_free(std::exchange(ssl_, nullptr));  // not the context's in this case
    return status;
  }
  bool suspected = false;
  Deadline silence = Deadline::After(kSilence);
  for (;;) {
    ForgetFailures();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) return Status::Ok();
    const int wants = SSL_get_error(ssl_, done);
    if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) {
      guard.Discard();
      return Judge();
    }
    const int64_t remaining = (suspected ? patience.deadline : patience.deadline.Earlier(silence)).Remaining();
    pollfd fds[2] = {{context->fd, static_cast<short>(wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0},
                     {patience.cancel != nullptr ? patience.cancel->fd() : -1, POLLIN, 0}};
    poll(fds, 2, remaining < 0 ? -1 : static_cast<int>(std::min<int64_t>(remaining, INT_MAX)));
    if (fds[0].revents != 0) continue;
    if (fds[1].revents != 0) return {Code::kInterrupted, "interrupted while waiting for the server"};
    if (patience.deadline.Expired()) return {Code::kUnavailable, "no answer to the TLS handshake in time"};
    if (suspected || !silence.Expired()) continue;
    suspected = true;
    if (ReceivedNothing() && answers_in_the_clear()) {
      return {Code::kTls, "the server speaks no TLS on this port, it answers without"};
    }
  }
}

bool TlsSession::ReceivedNothing() const { return BIO_number_read(SSL_get_rbio(ssl_)) == 0; }

void TlsSession::ForgetFailures() { ERR_clear_error(); }

Status TlsSession::Failure() const {
  const unsigned long error = ERR_peek_last_error();
  const bool refused_for_certificate = asked_for_certificate_ && !tls_.has_certificate_;
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return Status::Ok();
  switch (ERR_GET_REASON(error)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return {Code::kTls, WhyNotTrusted(SSL_get_verify_result(ssl_), host_)};
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      if (!refused_for_certificate) break;
      return {Code::kTls, "the server asks for a client certificate: settings 'tls_cert' and 'tls_key' say which"};
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      if (!tls_.has_certificate_) break;
      return {Code::kTls, "the server refuses the certificate of setting 'tls_cert': " + Reason()};
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return {Code::kTls, "the server speaks no TLS on this port"};
    default:
      break;
  }
  return {Code::kTls, "TLS failed: " + Reason()};
}

Status TlsSession::Judge() const {
  if (Status status = Failure(); !status.ok()) return status;
  return {Code::kUnavailable, "the server ended the connection in the TLS handshake: does it speak TLS on this port?"};
}

Status TlsSession::Refusal() const {
  if (Status status = Failure(); !status.ok()) return status;
  ForgetFailures();
  char ignored = 0;
  (void)SSL_read(ssl_, &ignored, 1);
  return Failure();
}

bool TlsSession::Pending() const { return SSL_pending(ssl_) > 0; }

}  // namespace agentmq::redis

#else  // a hiredis without TLS

namespace agentmq::redis {

Result<std::shared_ptr<const Tls>> Tls::Make(const TlsOptions&) {
  return Status(Code::kUnsupported, "this build of the library has no TLS: it was made with a hiredis that has none");
}
Tls::~Tls() = default;

// Never called: there is no Tls to make a session with.
Status TlsSession::Handshake(redisContext*, const std::string&, const Patience&, const std::function<bool()>&) {
  return {Code::kUnsupported, "no TLS"};
}
void TlsSession::ForgetFailures() {}
Status TlsSession::Failure() const { return Status::Ok(); }
Status TlsSession::Refusal() const { return Status::Ok(); }
bool TlsSession::Pending() const { return false; }

}  // namespace agentmq::redis

#endif
