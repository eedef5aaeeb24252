#include "support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace agentmq::test {
namespace {

template <auto Free>
struct With {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <typename T>
T* Need(T* made) {
  if (made == nullptr) throw std::runtime_error("OpenSSL made no certificate");
  return made;
}

void Add(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, With<X509_EXTENSION_free>> extension(
      Need(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())));
  X509_add_ext(certificate, extension.get(), -1);
}

// A certificate that is not signed yet.
X509* Blank(const std::string& subject, long serial, EVP_PKEY* key, Authority::Validity validity) {
  X509* certificate = Need(X509_new());
  X509_set_version(certificate, 2);  // the third
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), validity.from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), validity.to);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
  return certificate;
}

template <typename Write>
void ToFile(const std::string& path, Write write) {
  FILE* file = Need(std::fopen(path.c_str(), "w"));
  const bool written = write(file) == 1;
  if (std::fclose(file) != 0 || !written) throw std::runtime_error("can't write " + path);
}

}  // namespace

Authority::Authority() : key_(Need(EVP_EC_gen("P-256"))), ca_(dir_.path() + "/ca.crt") {
  certificate_ = Blank("CA of " + dir_.path(), 1, key_, {-86400, 86400});
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  Add(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  Add(certificate_, certificate_, NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(certificate_, key_, EVP_sha256());
  ToFile(ca_, [&](FILE* file) { return PEM_write_X509(file, certificate_); });
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string Authority::hash() const {
  char text[16];
  std::snprintf(text, sizeof text, "%08lx", X509_subject_name_hash(certificate_));
  return text;
}

Authority::Files Authority::Issue(const std::string& names, Validity validity) {
  const std::string start = dir_.path() + "/" + std::to_string(++issued_);
  const std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>> key(Need(EVP_EC_gen("P-256")));
  const std::unique_ptr<X509, With<X509_free>> certificate(
      Blank("number " + std::to_string(issued_), issued_ + 1, key.get(), validity));
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_));
  Add(certificate.get(), certificate_, NID_subject_alt_name, names);
  X509_sign(certificate.get(), key_, EVP_sha256());
  Files files{start + ".crt", start + ".key"};
  ToFile(files.certificate, [&](FILE* file) { return PEM_write_X509(file, certificate.get()); });
  ToFile(files.key,
         [&](FILE* file) { return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return files;
}

}  // namespace agentmq::test
