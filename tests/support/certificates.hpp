#pragma once

#include <string>

#include "support/temp_dir.hpp"

struct evp_pkey_st;
struct x509_st;

namespace agentmq::test {

// A CA that lives as long as this object, with what it signs in a folder of its own. Throws where OpenSSL fails.
class Authority {
 public:
  struct Files {
    std::string certificate;
    std::string key;
  };
  // When a certificate is valid, in seconds from now.
  struct Validity {
    long from = -3600;
    long to = 3600;
  };

  Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  ~Authority();

  const std::string& ca() const { return ca_; }  // the file with its certificate
  std::string hash() const;                      // what its file is called in a folder of CAs, without ".0"
  // `names`: as in a certificate's subjectAltName, "DNS:localhost,IP:127.0.0.1".
  Files Issue(const std::string& names) { return Issue(names, Validity{}); }
  Files Issue(const std::string& names, Validity validity);

 private:
  TempDir dir_;
  int issued_ = 0;
  evp_pkey_st* key_ = nullptr;
  x509_st* certificate_ = nullptr;
  std::string ca_;
};

}  // namespace agentmq::test
