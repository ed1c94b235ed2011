import COpenSSL

/// The certificates of a PEM file, at least one, in their order. Other blocks are passed over.
final class PEMChain {
    private let file: String
    private var certificates: [OpaquePointer] = []
    private var taken = 0

    init(file: String, countMax: Int) throws(TLSError) {
        self.file = file
        let pem = try PEMFile(file)
        ERR_clear_error()
        while let certificate = PEM_read_bio_X509(pem.bio, nil, nil, nil) {
            certificates.append(certificate)
            guard certificates.count <= countMax else {
                throw TLSError("\(file): it has more than \(countMax) certificates")
            }
        }
        // The end of the file is reported as a missing block.
        guard PEMFile.foundNoBlock, !certificates.isEmpty else {
            throw pem.error(what: "certificate", hint: "PEM is expected")
        }
        ERR_clear_error()
    }

    deinit {
        for certificate in certificates[taken...] { X509_free(certificate) }
    }

    /// The next certificate, which the caller must free.
    func takeNext() -> OpaquePointer? {
        guard taken < certificates.count else { return nil }
        defer { taken += 1 }
        return certificates[taken]
    }

    func takeFirst() throws(TLSError) -> OpaquePointer {
        guard let first = takeNext() else { throw TLSError("\(file): there is no certificate in it") }
        return first
    }
}
