import COpenSSL
import Glibc

/// A certificate with its key, made for one test.
public final class TestCertificate: @unchecked Sendable {
    public let certificatePEM: String
    public let keyPEM: String

    let certificate: OpaquePointer
    let key: OpaquePointer

    /// - Parameters:
    ///   - names: Hosts that it is for; patterns such as `*.example.org` too.
    ///   - issuer: nil signs it with its own key.
    public init(
        commonName: String, names: [String] = [], issuer: TestCertificate? = nil, isAuthority: Bool = false,
        validDays: Int = 30
    ) throws {
        key = try Self.makeKey()
        certificate = try Self.require(X509_new(), "X509_new")
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...Int(Int32.max)))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3_600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), validDays * 86_400)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        // MBSTRING_UTF8
        X509_NAME_add_entry_by_txt(name, "CN", 0x1000, commonName, -1, -1, 0)
        let issuerCertificate = issuer?.certificate ?? certificate
        X509_set_issuer_name(certificate, X509_get_subject_name(issuerCertificate))
        var extensions = [(NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE")]
        if isAuthority { extensions.append((NID_key_usage, "critical,keyCertSign,cRLSign")) }
        if !names.isEmpty {
            extensions.append((NID_subject_alt_name, names.map { "DNS:\($0)" }.joined(separator: ",")))
        }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuerCertificate, certificate, nil, nil, 0)
        for (kind, value) in extensions {
            let made = try Self.require(X509V3_EXT_conf_nid(nil, &context, kind, value), "extension \(value)")
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        guard X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0 else {
            throw TestFailure("X509_sign")
        }
        certificatePEM = try Self.text { [certificate] in PEM_write_bio_X509($0, certificate) }
        keyPEM = try Self.text { [key] in PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    private static func makeKey() throws -> OpaquePointer {
        let maker = try require(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil), "EVP_PKEY_CTX_new_id")
        defer { EVP_PKEY_CTX_free(maker) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(maker) == 1,
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker, NID_X9_62_prime256v1) == 1,
            EVP_PKEY_keygen(maker, &key) == 1
        else { throw TestFailure("no key") }
        return try require(key, "no key")
    }

    private static func text(_ write: (OpaquePointer) -> Int32) throws -> String {
        let bio = try require(BIO_new(BIO_s_mem()), "BIO_new")
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw TestFailure("no PEM") }
        var bytes: UnsafePointer<CChar>?
        let count = apus_bio_contents(bio, &bytes)
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    private static func require<Value>(_ value: Value?, _ what: String) throws -> Value {
        guard let value else { throw TestFailure(what) }
        return value
    }
}

public struct TestFailure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
