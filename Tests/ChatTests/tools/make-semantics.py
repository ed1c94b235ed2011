#!/usr/bin/env python3
"""Writes golden/semantics.json: what Jinja2 in Hugging Face's configuration makes of small templates.

Run it (pip install jinja2==3.1.6) after adding a line to CASES; the test SemanticsTests reads the result.
"""
import json
import pathlib

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

VARIABLES = {
    "s": "Hello, Wörld!", "n": 7, "f": 2.5, "yes": True, "no": False, "nothing": None, "empty": "",
    "l": [3, 1, 2], "words": ["banana", "Apple", "cherry", "apple"], "nested": [[1, 2], [3, 4]],
    "d": {"b": 1, "a": {"x": [1, 2, {"y": "z"}]}, "C": None}, "text": "one two  three\nfour\tfive ",
    "users": [{"name": "Zoe", "age": 30, "tags": ["x"]}, {"name": "adam", "age": 25}, {"name": "Bob", "age": 30}],
    "quote": "it's \"fine\" \\ \n\t\u00e9\u200b\U0001f916", "html": "<a href='x'>&</a>", "big": 9007199254740993,
    "small": 1e-7, "large": 1e16, "whole": 3.0, "cjk": "日本語テキスト", "keys": {"items": 1, "get": 2, "keys": 3},
}

CASES = r"""
{{ s }}|{{ n }}|{{ f }}|{{ yes }}|{{ nothing }}|{{ l }}|{{ d }}|{{ nested }}|{{ missing }}|
{{ quote }}{{ [quote] }}{{ ["it's"] }}{{ ['a"b'] }}{{ ["\x00\x7f\xa0\u2028"] }}
{{ big }} {{ small }} {{ large }} {{ whole }} {{ 1e15 }} {{ 123456789.123 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.5e300 }} {{ -0.0 }} {{ 1e22 }}
{{ 9.5e15 }} {{ 1e100 }} {{ 5e-324 }} {{ 100000000000000000000.0 }} {{ 2.0 ** 70 }} {{ 0.1 + 0.2 }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 10 - 3 - 2 }} {{ +n }} {{ -n|abs }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 'a' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ 'a' * -1 }}|{{ true + true }} {{ true * 3 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1] ~ missing }} {{ 'a' + 'b' }}
{{ 'a' + 1 }}
{{ missing + 'a' }}
{{ [1] + [2] }} {{ (1,) + (2,) }} {{ (1,) }} {{ () }} {{ (1, 2) }} {{ 1, 2 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 != 1 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1,2] < [1,3] }} {{ 'B' < 'a' }}
{{ 1 < 'a' }}
{{ none == none }} {{ missing == missing }} {{ missing == none }} {{ none != false }} {{ {} == {} }} {{ [1] == (1,) }} {{ {'a':1,'b':2} == {'b':2,'a':1} }}
{{ 'a' in 'abc' }} {{ 'x' not in 'abc' }} {{ 1 in [1, 2] }} {{ 'b' in d }} {{ 1 in (1,) }} {{ '' in 'a' }} {{ 'a' in missing }} {{ 1.0 in [1] }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ not true }} {{ not '' }} {{ not not 1 }} {{ true and 'x' }} {{ '' or 'y' }} {{ 0 or none }} {{ 1 and 2 and 3 }} {{ 'a' and '' }}
{{ 'yes' if yes else 'no' }} {{ 'x' if no }}|{{ 1 if no else 2 if no else 3 }} {{ ('a' if yes else 'b') ~ 'c' }}
{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[8:] }} {{ s[-6:-1] }} {{ s[::2] }} {{ s[100:] }}| {{ s[5:2] }}|{{ s[3::-1] }}
{{ cjk[0] }} {{ cjk[1:3] }} {{ cjk[-2:] }} {{ cjk|length }} {{ cjk[::-1] }} {{ cjk.find('語') }} {{ cjk[99] }}|
{{ l[0] }} {{ l[-1] }} {{ l[1:] }} {{ l[::-1] }} {{ l[-2:] }} {{ l[10] }}|{{ l[:-1] }} {{ l[::2] }} {{ l[10:] }} {{ l[-10:2] }}
{{ (1,2,3)[1:] }} {{ (1,2,3)[-1] }} {{ l.0 }} {{ users.0.name }} {{ users[0]['tags'][0] }} {{ d['a']['x'][2]['y'] }} {{ d.a.x[2].y }}
{{ l[::0] }}
{{ l['a'] }}|{{ l[none] }}|{{ d[1] }}|{{ n.foo }}|{{ none.foo }}|{{ none['a'] }}|{{ s.foo }}|{{ d.zzz }}|{{ d['zzz'] }}|{{ l.foo }}
{{ missing.foo }}
{{ missing['foo'] }}
{{ d.zzz.foo }}
{{ d.zzz[0] }}
{{ missing() }}
{{ none() }}
{{ missing[1:] }}
{{ keys['items'] }} {{ keys['get'] }}
{{ keys.items()|list }} {{ keys.get('get') }} {{ keys.get('nope') }} {{ keys.get('nope', 5) }} {{ d.keys()|list }} {{ d.values()|list }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }},{% endfor %}{% for c in 'añb' %}[{{ c }}]{% endfor %}{% for x in missing %}x{% else %}none{% endfor %}
{% for x in none %}{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.cycle('a', 'b') }} {{ loop.changed(x > 1) }};{% endfor %}
{% for x in l if x > 1 %}{{ x }}{{ loop.index }}/{{ loop.length }} {% endfor %}{% for x in l if x > 9 %}{% else %}empty{% endfor %}
{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}|{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in l %}{% break %}{% else %}else{% endfor %}|{% for x in l %}{% continue %}{% else %}else{% endfor %}|{% for x in l %}{% if loop.index == 2 %}{% break %}{% endif %}{% else %}else{% endfor %}
{% for a, b in nested %}{{ a }}-{{ b }} {% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{% for x in [1,2] %}{% for y in [1,2] %}{{ loop.depth }}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}
{% for i in range(3) %}{{ i }}{% endfor %} {% for i in range(5, 0, -2) %}{{ i }}{% endfor %} {{ range(3)|list }} {{ range(1, 4)|list }} {{ range(0)|list }} {{ range(3, 1)|list }}
{{ range(1, 2, 0) }}
{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}
{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}
{% set ns = namespace(x=1, y=[]) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns.z }}|{{ ns.y }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}
{% set d.x = 1 %}
{% set zz.x = 1 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }}
{% set x %}a{{ n }}b{% endset %}{{ x }}{% set y | upper | trim %} abc {% endset %}[{{ y }}]
{% set x %}{% set z = 5 %}{{ z }}{% endset %}{{ x }}{{ z }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }} {{ m(1, c=9) }} {{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}
{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(3) }}
{% macro m() %}{{ later }}{% endmacro %}{% set later = 'L' %}{{ m() }}
{% macro m() %}{% set inner = 1 %}{{ inner }}{% endmacro %}{{ m() }}{{ inner }}
{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body{{ n }}{% endcall %}
{% macro m() %}{{ caller(1) }}{{ caller(2) }}{% endmacro %}{% call(x) m() %}[{{ x }}]{% endcall %}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m.name }}{{ m is callable }}{{ m('x')|upper }}{{ m(*[1]) }}{{ m(**{'a': 2}) }}
{% macro outer() %}{% macro inner() %}i{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}
{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}
{% filter upper %}abc{{ s }}{% endfilter %}{% filter replace('a', 'b') | upper %}aaa{% endfilter %}
{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}
{% if no %}a{% elif 1 %}b{% else %}c{% endif %}{% if '' %}a{% elif none %}b{% else %}c{% endif %}
{% raw %}{{ x }} {% if %}{% endraw %}|{%- raw -%} a {%- endraw -%} |
a {# comment {{ x }} #} b{#- x -#} c
a  {% if yes %}  b {% endif %}  c
{{ n }}
{{- n -}}   z
  {{ n }}
{% set x = 1 %}   tail
{% if yes %}{% endif %}


{{ "a\nb\t\"q\" 'x' \\ \x41 \u00e9 \101 \q" }}{{ 'it\'s' }}{{ 'a' 'b' "c" }}
{{ {'a': 1, 'b': [1, {'c': none}], 1: 2, none: 3, true: 4, 1.5: 5} }} {{ {} }} {{ [] }}
{{ {'a': 1}['a'] }} {{ {1: 'x'}[1.0] }} {{ {true: 'x'}[1] }} {{ [1, 2,] }} {{ {'a': 1,} }}
{{ {[1]: 2} }}
{{ 1_000 + 1 }} {{ 1.5e3 }} {{ 1e3 }} {{ 1E-2 }}
{{ 'abc'.upper() }} {{ 'ABC'.lower() }} {{ 'hello wORLD-foo'.title() }} {{ 'hELLO'.capitalize() }} {{ 'aBc'.swapcase() }} {{ 'ßé'.upper() }}
{{ '  x y '.strip() }}| {{ '  x '.lstrip() }}| {{ ' x  '.rstrip() }}|{{ 'xxabcxx'.strip('x') }} {{ 'abcba'.strip('ab') }} {{ '\u00a0x\u3000'.strip() }} {{ 'xay'.lstrip('yx') }}
{{ 'a,b,,c'.split(',') }} {{ text.split() }} {{ 'a b c'.split(' ', 1) }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'abc'.split('') }}
{{ 'a,b,,c'.split(',') }} {{ text.split() }} {{ 'a b c'.split(' ', 1) }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }}
{{ 'a</think>b</think>c'.split('</think>')[-1].lstrip('\n') }} {{ 'a</t>b'.split('</t>')[0].rstrip('\n').split('<t>')[-1] }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('c') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.startswith('b', 1) }} {{ 'abc'.endswith('b', 0, 2) }}
{{ 'aXbXc'.replace('X', '-') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'ab'.replace('', '-') }} {{ 'abc'.replace('z', 'y') }}
{{ ','.join(['a', 'b']) }} {{ ''.join('abc') }} {{ 'abc'.find('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('b') }} {{ 'aXa'.count('a') }} {{ 'aaa'.count('aa') }} {{ 'abc'.index('b') }}
{{ ','.join([1]) }}
{{ 'abc'.index('z') }}
{{ 'a\nb\r\nc'.splitlines() }} {{ 'a\n\nb\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ 'k=v=w'.partition('=') }} {{ 'k=v=w'.rpartition('=') }} {{ 'kv'.partition('=') }}
{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'abc'.removeprefix('z') }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '.') }} {{ 'ab'.center(5, '*') }} {{ 'a'.center(4, '*') }}
{{ '123'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ''.isdigit() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'ab'.islower() }} {{ 'Ab Cd'.istitle() }} {{ '½'.isnumeric() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }}
{{ 'abc'.nope() }}
{{ 'x'.__class__ }}|{{ ''.__class__.__mro__ }}
{{ '{} {}'.format(1, 'a') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=5) }} {{ '{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}|'.format('a', 'b', 'c') }} {{ '{:05d}'.format(42) }} {{ '{:.2f}'.format(3.14159) }} {{ '{:,}'.format(1234567) }} {{ '{!r}'.format('a') }} {{ '{:x}'.format(255) }} {{ '{:#x}'.format(255) }} {{ '{:+d}'.format(5) }} {{ '{:%}'.format(0.25) }} {{ '{:e}'.format(12345.678) }} {{ '{0[a]}'.format({'a': 1}) }} {{ '{:*^7}'.format('x') }} {{ '{:>{w}}'.format('x', w=4) }}
{{ '{}'.format() }}
{{ '{:d}'.format('x') }}
{{ '%s %d %r %5.1f|%-4s|%04d %x %%' % ('a', 3, 'b', 2.345, 'c', 7, 255) }} {{ '%s' % 'x' }} {{ '%(a)s-%(b)s' % {'a': 1, 'b': 2} }} {{ '%s' % [1, 2] }} {{ '%d' % 3.7 }} {{ '%5s|' % 'a' }} {{ '%c' % 'x' }} {{ '%+d' % 5 }} {{ '%.3s' % 'abcdef' }} {{ '%g' % 1e10 }} {{ '%e' % 12.5 }}
{{ '%s %s' % 'a' }}
{{ '%s' % (1, 2) }}
{{ '%d' % 'a' }}
{{ '%s-%s'|format('a', 1) }} {{ '%(x)s'|format(x=3) }}
{{ l|first }} {{ l|last }} {{ l|length }} {{ l|count }} {{ l|sum }} {{ l|min }} {{ l|max }} {{ l|sort }} {{ l|sort(reverse=true) }} {{ l|reverse|list }} {{ 'abc'|reverse }} {{ []|first }}| {{ []|max }}|
{{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ users|sort(attribute='name')|map(attribute='name')|list }} {{ users|sort(attribute='age,name')|map(attribute='name')|join(',') }} {{ users|sort(attribute='age', reverse=true)|map(attribute='name')|join(',') }}
{{ [1, 'a']|sort }}
{{ words|unique|list }} {{ words|unique(case_sensitive=true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }} {{ words|min }} {{ words|max }} {{ users|max(attribute='age') }}
{{ users|map(attribute='name')|join(', ') }} {{ words|map('upper')|list }} {{ users|map(attribute='tags', default='none')|list }} {{ ['a b']|map('replace', ' ', '_')|list }} {{ users|map(attribute='tags.0', default='-')|list }}
{{ l|select('odd')|list }} {{ l|reject('odd')|list }} {{ l|select('>', 1)|list }} {{ [0, 1, '', 'a']|select|list }} {{ users|selectattr('age', 'equalto', 30)|map(attribute='name')|list }} {{ users|rejectattr('tags')|map(attribute='name')|list }} {{ users|selectattr('tags', 'defined')|list|length }} {{ users|selectattr('name', 'in', ['Bob'])|list }}
{{ none|select|list }} {{ none|map('upper')|list }} {{ missing|selectattr('x')|list }}
{{ l|map('nope')|list }}
{{ l|nope }}
{{ l is nope }}
{% if no %}{{ l|nope }}{% endif %}ok
{{ l|join }} {{ l|join('-') }} {{ users|join(',', attribute='name') }} {{ 'abc'|join('.') }} {{ [none, true]|join(',') }} {{ missing|join(',') }}|
{{ s|upper }} {{ s|lower }} {{ 'hello world-x (y)'|title }} {{ 'HELLO wORLD'|capitalize }} {{ '  x '|trim }}| {{ 'xxaxx'|trim('x') }} {{ 5|string }} {{ none|string }} {{ 12|upper }}
{{ 'aXb'|replace('X', 'Y') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 5|replace(5, 6) }} {{ 'a b c'|wordcount }} {{ 'hello big world'|truncate(9) }} {{ 'hello big world'|truncate(9, true) }} {{ 'hello big world'|truncate(9, true, '…', 0) }} {{ 'short'|truncate(3) }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb\n\nc'|indent(2, true) }}|{{ 'a\n\nb'|indent(2, false, true) }}|{{ 'a\nb'|indent('>>') }}|{{ 'a\nb\n'|indent(2) }}|
{{ missing|default('x') }} {{ none|default('x') }} {{ none|default('x', true) }} {{ ''|d('y', boolean=true) }} {{ missing|d }}| {{ d.zzz|default('q') }} {{ false|default('z') }}
{{ '5'|int }} {{ '5.9'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 5.9|int }} {{ -5.9|int }} {{ '0x1f'|int(base=16) }} {{ '1.5'|float }} {{ 'x'|float }} {{ 'x'|float(2.5) }} {{ 3|float }} {{ none|int }} {{ ' 12 '|int }} {{ true|int }} {{ '1e3'|float }} {{ '-3'|int }}
{{ 2.567|round(1) }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.1|round(0, 'ceil') }} {{ 2.9|round(method='floor') }} {{ 5|round }} {{ 2.675|round(2) }} {{ 1234.5|round(-2) }} {{ -3|abs }} {{ -2.5|abs }}
{{ d|dictsort }} {{ {'b': 2, 'A': 3, 'c': 1}|dictsort }} {{ {'b': 2, 'A': 3}|dictsort(true) }} {{ {'b': 2, 'A': 3, 'c': 1}|dictsort(by='value') }} {{ {'b': 2, 'a': 1}|dictsort(reverse=true) }} {{ d|items|list }} {{ d|list }} {{ 'ab'|list }} {{ d|length }}
{{ users|groupby('age') }} {% for age, list in users|groupby('age') %}{{ age }}:{{ list|map(attribute='name')|join('+') }} {% endfor %}
{{ [1,2,3,4,5]|batch(2)|list }} {{ [1,2,3]|batch(2, 0)|list }} {{ [1,2,3,4,5]|slice(2)|list }} {{ [1,2,3,4,5]|slice(3, 'x')|list }} {{ users|sum(attribute='age') }} {{ []|sum }} {{ [1.5, 2]|sum }}
{{ html|e }} {{ html|escape }} {{ html|safe }} {{ html|striptags }} {{ 'a b/ü?'|urlencode }} {{ 'x'|center(5) }}| {{ (html|safe) + '<b>' }} {{ '<b>' + (html|safe) }} {{ (html|e)|e }} {{ (html|safe) ~ '<b>' }} {{ ('a'|safe) is escaped }} {{ 'a' is escaped }}
{{ d|tojson }} {{ quote|tojson }} {{ html|tojson }} {{ l|tojson }} {{ f|tojson }} {{ none|tojson }} {{ yes|tojson }} {{ (1,2)|tojson }} {{ {1: 2, none: 3, true: 4}|tojson }} {{ large|tojson }} {{ {}|tojson }} {{ []|tojson }}
{{ d|tojson(indent=2) }} {{ []|tojson(indent=2) }} {{ {}|tojson(indent=4) }} {{ l|tojson(indent=0) }}
{{ d|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ quote|tojson(ensure_ascii=true) }} {{ d|tojson(indent=1, separators=(', ', ' = ')) }} {{ '\x00\x1f\x7f\u2028'|tojson }}
{{ missing|tojson }}
{{ namespace()|tojson }}
{{ s is string }} {{ n is string }} {{ n is number }} {{ f is number }} {{ yes is number }} {{ yes is integer }} {{ n is integer }} {{ f is float }} {{ yes is boolean }} {{ none is none }} {{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ l is iterable }} {{ n is iterable }} {{ missing is iterable }} {{ none is iterable }}
{{ missing is defined }} {{ s is defined }} {{ d.zzz is undefined }} {{ none is defined }} {{ yes is true }} {{ 1 is true }} {{ no is false }} {{ 3 is odd }} {{ 4 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 'a' is lower }} {{ 'A' is upper }} {{ '1' is lower }} {{ range is callable }} {{ s is callable }}
{{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is gt(0) }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ none is sameas none }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ 1 is lessthan 2 }} {{ 1 is not none }} {{ not 1 is none }}
{{ s is defined and n is defined }} {{ 'a' if s is string else 'b' }} {{ s is string and s|length > 3 }} {{ l is not string and l is not mapping and l is iterable }}
{{ n is divisibleby 7 and true }} {{ n|string|length }} {{ n|string ~ 'x'|upper }} {{ -n|string }} {{ (1 + 2)|string + 'x' }} {{ 1 + 2|string|int }} {{ not s|length }} {{ l|length - 1 }} {{ l|length > 2 and 'y' or 'n' }}
{{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('a', 1)]) }} {{ dict() }}
{{ raise_exception('boom') }}
{% if no %}{{ raise_exception('boom') }}{% endif %}fine
{{ strftime_now is defined }} {{ messages is defined }}
{% set x = d.get('a').x %}{{ x[0] }} {{ d.get('zzz', {}).get('q') }} {{ (d.b or 0) + 1 }} {{ (d.C or 'def') }}
{% set l2 = l + [4] %}{{ l2 }} {{ l }} {% set s2 = s %}{{ s2 }}
{% for u in users %}{{ u.name }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for u in users|selectattr('age', 'gt', 26) %}{{ u.name }} {% endfor %}{% for k, v in d|items %}{{ k }}{% endfor %}
{% for k, v in d|dictsort if v is number %}{{ k }}{{ v }}{% endfor %}
{% generation %}x{% set g = 1 %}{{ g }}{% endgeneration %}{{ g }}
{{ 'a' if yes }}{{ 'b' if no }}c
{{ [x for x in l] }}
{{ a = 1 }}
{% if %}x{% endif %}
{% for x in l %}
{{ 'unclosed }}
{{ (1 }}
{{ 1 + }}
{% endfor %}
{% unknown %}
{{ 1 | }}
{% set x = %}
{% set true = 1 %}
{{ d[ }}
{# open
{{ loop }}|
{{ loop.index }}
{% for x in [1] %}{% endfor %}{{ x }}{{ loop }}|
{{ 'ŉ'.upper() }} {{ 'ǆ'.title() }} {{ 'İ'.lower()|length }} {{ 'ÀÉ'.lower() }} {{ 'éa'.capitalize() }} {{ "o'neil they're"|title }} {{ "o'neil they're".title() }}
{{ [1, [2, [3, (4,), {'a': (5, 6)}]]] }} {{ [missing] }} {{ [none, true, 1.0, 'x'] }}
{{ ['a', 'b'].index('b') }} {{ [1, 1, 2].count(1) }} {{ d.copy() }} {{ 'abc' == 'abc' }} {{ l|first == 3 }}
{{ (l|map('string')|list)[0] + 'x' }} {{ l|map('string')|join }} {{ ('a', 'b')|join(' ') }} {{ s.split(',')[1].strip() }} {{ s|length }} {{ (s ~ n)|length }}
{{ 3 > 2 > 1 }} {{ 'abc' > 'abb' }} {{ [] or 'empty' }} {{ {} or 'empty' }} {{ 0.0 or 'zero' }} {{ () or 'tuple' }}
{{ 1if 1else 2 }} {{ n-1 }} {{ n -1 }} {{ n- 1 }} {{- ' x' }}
{{ {'a': {'b': 1}} }}{{ {'a': {'b': 1}}['a']['b'] }}{{ {'x': {'y': {}}}}}
{{ "%.2f"|format(3.14159) }} {{ "%05.1f|%5s|%-5s|" % (2.25, 'ab', 'cd') }} {{ '{:5.1f}|{:<8}|{:>8}|{:^8}|'.format(2.25, 'a', 1, true) }} {{ '{:s}'.format('x') }} {{ '{:b}'.format(5) }} {{ '{:08.3f}'.format(3.14159) }} {{ '{:g}'.format(0.0001) }} {{ '{:_}'.format(1234567) }} {{ '{}'.format(1.0) }} {{ '{:.3}'.format('abcdef') }} {{ '{:.3}'.format(3.14159) }}
{{ 'x' * 3 ~ 'y' }} {{ 2 * 3 ~ 4 }} {{ 'a' ~ 'b' in 'cab' }} {{ 1 + 1 == 2 and 2 in [2] }} {{ 'a' not in 'b' and true }} {{ 1 in [1] == true }}
"""


def make_environment():
    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

        def _body(self, caller):
            return caller()

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda format: "now"
    return environment


# Templates of more than one line; the lines of CASES are one template each.
MULTILINE = [
    "a\n  {% if yes %}\n  x\n  {% endif %}\nb\n", "a\n  {%- if yes -%}\n  x\n  {%- endif -%}\nb",
    "a\n  {%+ if yes +%}\n  x\n  {%+ endif %}\nb\n\n", "a {# c #}\n\n  {# d #}\nb", "  {{ n }}\n\n  {{- n }}\n{{ n -}}\n\n x",
    "{%- for m in [1, 2] %}\n    {%- if m == 1 %}\none\n    {%- else %}\n two\n    {%- endif %}\n{%- endfor %}\n",
    "a\r\nb\rc\n{% if yes %}\r\nd{% endif %}\r\n", "{% for x in l %}\n{{ x }}\n{% endfor %}\n", "{% for x in l -%}\n  {{ x }}\n{%- endfor %}\n",
    "\n\n{% set x = 1 %}\n\n{{ x }}\n\n", "{% raw %}\n {{ a }}\n{% endraw %}\nb", "  {% raw %} x {% endraw %} y", "a\n  {%- raw %}\n x\n  {%- endraw -%}  \n b",
    "{% macro m() %}\n  x\n{% endmacro %}\n{{ m() }}|", "{% if yes %}x{% endif %}\ny", "{{ 'a\nb' }}\nc", "x {% if yes -%} y {%- endif %} z\n", "   {#- x -#}   \n y",
    "{#\n multi\n#}\nx\n    {# y #}    {# z #}\nw", "{{\n n\n}}\n{%\n if yes\n%}\nq{% endif %}", "a\n\t{% if yes %}\n\tb\n\t{% endif %}\n", "{% if yes %}\n\n  a\n{% endif %}",
    "x{% set y = 1 %}\n{% set z = 2 %}\n  {% set w = 3 %}\ny", "\n", "", "a\n", "a\n\n", "{{ n }}\n", "  {% if yes %}  {% if yes %} a{% endif %}  {% endif %}\n",
]


def main():
    environment = make_environment()
    cases = []
    for source in CASES.strip("\n").split("\n") + MULTILINE:
        try:
            cases.append({"template": source, "text": environment.from_string(source).render(**VARIABLES)})
        except Exception as error:
            cases.append({"template": source, "error": str(error).split("\n")[0]})
    path = pathlib.Path(__file__).parent.parent / "golden" / "semantics.json"
    lines = [json.dumps(case, ensure_ascii=False) for case in cases]
    variables = json.dumps(VARIABLES, ensure_ascii=False)
    path.write_text('{"variables": ' + variables + ',\n"cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(len(cases), "cases,", sum("error" in case for case in cases), "of them errors")


main()
