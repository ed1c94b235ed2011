import Glibc
import JSON
import Testing

@testable import Chat

/// A template is input from outside: whatever it does ends in an error, soon, and never in a crash.
@Suite("Limits of templates")
struct LimitTests {
    private func failure(_ source: String, _ limits: TemplateLimits = TemplateLimits()) -> String {
        do throws(TemplateError) {
            let text = try Program(source: source, limits: limits).run([("l", .list(ListValue([])))], now: 0)
            return "rendered \(text.count) bytes"
        } catch {
            return "\(error.kind): \(error.message)"
        }
    }

    @Test("each limit holds at its value and refuses one past it")
    func limits() {
        var limits = TemplateLimits()
        limits.elementsMax = 10
        #expect(failure("{{ range(10)|length }}", limits) == "rendered 2 bytes")
        #expect(failure("{{ range(11)|length }}", limits) == "limit: a list is longer than 10 elements")
        #expect(failure("{{ [1] * 11 }}", limits) == "limit: a list is longer than 10 elements")
        limits.stringBytesMax = 100
        #expect(failure("{{ 'ab' * 50 }}", limits) == "rendered 100 bytes")
        #expect(failure("{{ 'ab' * 51 }}", limits) == "limit: a string is longer than 100 bytes")
        #expect(
            failure("{{ 'a' * 60 }}{{ 'a' * 60 }}", limits) == "limit: the output is longer than 100 bytes")
        #expect(failure("{{ 'a'.ljust(101) }}", limits) == "limit: a string is longer than 100 bytes")
        #expect(failure("{{ ('a' * 99)|replace('a', 'bb') }}", limits).hasPrefix("limit:"))
        #expect(failure("{{ '%200d' % 1 }}", limits).hasPrefix("limit:"))
        limits.callDepthMax = 3
        let macro = "{% macro m(n) %}{% if n > 1 %}{{ m(n - 1) }}{% endif %}{% endmacro %}"
        #expect(failure(macro + "{{ m(3) }}", limits) == "rendered 0 bytes")
        #expect(failure(macro + "{{ m(4) }}", limits) == "limit: macro calls nest deeper than 3")
        limits.stepsMax = 50
        #expect(
            failure("{% for i in range(9) %}{% for i in range(9) %}{% endfor %}{% endfor %}", limits)
                == "limit: the template takes more than 50 steps")
        limits = TemplateLimits()
        limits.depthMax = 5
        #expect(failure("{{ 1 + (1 + 1) }}", limits) == "rendered 1 bytes")
        #expect(
            failure("{{ 1 + (1 + (1 + (1 + (1 + 1)))) }}", limits).hasPrefix(
                "limit: the template's evaluation nests"))
        limits.valueDepthMax = 3
        #expect(failure("{{ [[1]] }}", limits) == "rendered 5 bytes")
        limits.depthMax = 50
        for use in ["", "|tojson", " == [[[[1]]]]", " < [[[[1]]]]"] {
            #expect(failure("{{ [[[[1]]]]\(use) }}", limits).hasPrefix("limit: a value nests deeper"))
        }
    }

    @Test("the source's size, nesting and chains are limited")
    func sources() {
        let deep = { (open: String, middle: String, close: String, count: Int) in
            String(repeating: open, count: count) + middle + String(repeating: close, count: count)
        }
        #expect(failure("{{ " + deep("(", "1", ")", 90) + " }}") == "rendered 1 bytes")
        for source in [
            "{{ " + deep("(", "1", ")", 5_000) + " }}", "{{ " + deep("[", "1", "]", 5_000) + " }}",
            "{{ " + deep("not ", "1", "", 5_000) + " }}", "{{ " + deep("-", "1", "", 5_000) + " }}",
            "{{ " + deep("1 if 1 else ", "1", "", 5_000) + " }}",
            deep("{% if 1 %}", "", "{% endif %}", 2_000),
            "{% set " + deep("(", "a", ")", 5_000) + " = 1 %}", "{{ l" + deep("", "", ".x", 5_000) + " }}",
            "{{ l" + deep("", "", "|list", 5_000) + " }}", "{{ l" + deep("", "", "[0]", 5_000) + " }}",
            deep("{{ {1:", "1", "} }}", 5_000),
            String(repeating: "x", count: TemplateLimits.sourceBytesMax + 1),
        ] {
            #expect(failure(source).hasPrefix("limit:"), "\(source.prefix(40))")
        }
        // Long operations of one precedence need no depth.
        #expect(failure("{{ " + deep("1 + ", "1", "", 2_000) + " }}") == "rendered 4 bytes")
        #expect(failure("{{ " + deep("'a' ~ ", "'a'", "", 2_000) + " }}") == "rendered 2001 bytes")
        #expect(failure("{{ " + deep("1 and ", "1", "", 2_000) + " }}") == "rendered 1 bytes")
        let elifs = "{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 2_000) + "{% endif %}"
        #expect(failure(elifs) == "rendered 0 bytes")
    }

    @Test("what would run for ever or fill the memory ends in an error")
    func hostile() {
        var limits = TemplateLimits()
        limits.stringBytesMax = 1 << 20
        limits.elementsMax = 10_000
        let growing = [
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
            "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
            "{% set ns = namespace(s=[1]) %}{% for i in range(300) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
            "{{ l.append(l) }}{{ l }}", "{{ l.append(l) }}{{ l == [l] }}{{ l|tojson }}",
            "{% for x in l %}{% endfor %}{{ l.append(1) }}{% for i in range(99) %}{{ l.extend(l) }}{% endfor %}",
            "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "{{ range(9223372036854775807) }}",
            "{{ range(-9223372036854775807, 9223372036854775807, 1) }}", "{{ 'a' * 9223372036854775807 }}",
            "{{ 2 ** 64 }}", "{{ 9223372036854775807 * 2 }}", "{{ -9223372036854775807 - 2 }}",
            "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
            "{{ (-9223372036854775807 - 1)|abs }}", "{{ '{:999999999}'.format(1) }}", "{{ '%.999f' % 1 }}",
            "{{ '%c' % 1114112 }}", "{{ '{:c}'.format(-1) }}", "{{ 1e300|round(400) }}",
            "{{ 'a'|center(999999999) }}",
            "{{ 'a'|indent(999999999) }}", "{{ [1]|batch(999999999, 0) }}", "{{ [1]|slice(999999999) }}",
        ]
        for source in growing {
            let result = failure(source, limits)
            #expect(!result.hasPrefix("rendered"), "\(source): \(result)")
        }
        // These have an answer, and no overflow on the way to it.
        for source in [
            "{{ 'abc'[9223372036854775807:] }}", "{{ 'abc'[-9223372036854775807:] }}",
            "{{ [1][::9223372036854775807] }}",
            "{{ [1, 2][::-9223372036854775807] }}", "{{ 'abc'[-9223372036854775807] }}", "{{ 1e308 * 10 }}",
            "{{ (-9223372036854775807 - 1) is divisibleby(-1) }}", "{{ '%.400f' % 1e300 }}",
            "{{ 1e999|int }}",
        ] {
            #expect(failure(source).hasPrefix("rendered"), "\(source): \(failure(source))")
        }
    }

    @Test("the deepest nesting fits a thread of two megabytes")
    func stack() {
        let sources = [
            "{% macro m() %}{% if 1 %}{% for x in [1] %}{{ ((m()))|trim }}{% endfor %}{% endif %}{% endmacro %}{{ m() }}",
            "{{ " + String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000) + " }}",
            "{% set ns = namespace(s=[1]) %}{% for i in range(300) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        ]
        for source in sources {
            let result = onSmallThread { failure(source) }
            #expect(result.hasPrefix("limit:"), "\(result)")
        }
    }

    /// Runs `body` on a thread of its own with a stack of 2 MiB.
    private func onSmallThread(_ body: @escaping @Sendable () -> String) -> String {
        final class Box: @unchecked Sendable {
            let body: @Sendable () -> String
            var result = ""
            init(_ body: @escaping @Sendable () -> String) { self.body = body }
        }
        let box = Box(body)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 2 << 20)
        var thread = pthread_t()
        let created = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let box = Unmanaged<Box>.fromOpaque(context).takeUnretainedValue()
                box.result = box.body()
                return nil
            }, Unmanaged.passUnretained(box).toOpaque())
        guard created == 0 else { return "no thread" }
        pthread_join(thread, nil)
        return box.result
    }

    @Test("no truncation and no changed byte of a template crashes the interpreter")
    func mutations() {
        let source =
            ChatTemplateTests.smolLM2
            + "{# c #}{%- raw %}x{% endraw %}{{ {'a': [1, 2.5]}['a'][::-1]|tojson }}"
        let bytes = Array(source.utf8)
        for length in 0..<bytes.count {
            _ = failure(String(decoding: bytes.prefix(length), as: UTF8.self))
            for byte in "{}%'(".utf8 {
                var mutated = bytes
                mutated[length] = byte
                _ = failure(String(decoding: mutated, as: UTF8.self))
            }
        }
    }
}
