"""How records over several lines are written: the shapes of exports, printed structures, pages and posts."""

from typing import NamedTuple


class Shape(NamedTuple):
    """A list. `each` is written once per person, with `{e}`, `{p}`, `{n}` and `{k}`, between the others."""

    before: str
    each: str
    after: str


SHAPES = {
    "xml attrs": Shape(
        ('<?xml version="1.0"?>\n<resultset>\n'),
        ('  <row>\n    <field name="email">{e}</field>\n    <field name="phone">{p}</field>\n  </row>\n'),
        "</resultset>\n",
    ),
    "xml nested": Shape(
        "<customers>\n",
        (
            ' <customer id="{k}">\n'
            "  <name>{n}</name>\n"
            "  <contact>\n"
            "   <email>{e}</email>\n"
            "  </contact>\n"
            "  <numbers>\n"
            '   <number type="m">{p}</number>\n'
            "  </numbers>\n"
            " </customer>\n"
        ),
        "</customers>\n",
    ),
    "xml upper ns": Shape(
        '<ns:l xmlns:ns="urn:x">\n',
        ("<ns:P>\n<ns:Mail>{e}</ns:Mail>\n<ns:Tel>{p}</ns:Tel>\n</ns:P>\n"),
        "</ns:l>\n",
    ),
    "xml multi-line values": Shape(
        "<l>\n",
        ("<person>\n<email>\n{e}\n</email>\n<phone>\n{p}\n</phone>\n</person>\n"),
        "</l>\n",
    ),
    "xml attributes multi-line": Shape(
        "<l>\n",
        ('<person\n  email="{e}"\n  phone="{p}"\n/>\n'),
        "</l>\n",
    ),
    "xml cdata": Shape(
        "<l>\n",
        ("<person>\n<email><![CDATA[{e}]]></email>\n<phone><![CDATA[{p}]]></phone>\n</person>\n"),
        "</l>\n",
    ),
    "vcard folded": Shape(
        "",
        (
            "BEGIN:VCARD\r\n"
            "VERSION:3.0\r\n"
            "N:{n};;;\r\n"
            "item1.EMAIL;type=INTERNET;type=pref:{e}\r\n"
            "NOTE:long\r\n"
            "  text goes\r\n"
            " on\r\n"
            "TEL;type=CELL;type=VOICE:{p}\r\n"
            "END:VCARD\r\n"
        ),
        "",
    ),
    "mysql G": Shape(
        "",
        (
            "*************************** {k}. row ***************************\n"
            "   id: {k}\n"
            "email: {e}\n"
            "phone: {p}\n"
        ),
        "",
    ),
    "psql aligned": Shape(
        "",
        (
            "-[ RECORD {k} ]+-----------------\n"
            "id         | {k}\n"
            "email      | {e}\n"
            "phone      | {p}\n"
            "created_at | 2024-01-01\n"
        ),
        "(4 rows)\n",
    ),
    "print_r obj": Shape(
        "",
        (
            "stdClass Object\n"
            "(\n"
            "    [id] => {k}\n"
            "    [email] => {e}\n"
            "    [contact] => stdClass Object\n"
            "        (\n"
            "            [phone] => {p}\n"
            "        )\n"
            "\n"
            ")\n"
        ),
        "",
    ),
    "print_r nested": Shape(
        ("Array\n(\n"),
        (
            "    [{k}] => Array\n"
            "        (\n"
            "            [email] => {e}\n"
            "            [meta] => Array\n"
            "                (\n"
            "                    [phone] => {p}\n"
            "                )\n"
            "\n"
            "        )\n"
            "\n"
        ),
        ")\n",
    ),
    "var_export": Shape(
        "array (\n",
        ("  {k} => \n  array (\n    'email' => '{e}',\n    'phone' => '{p}',\n  ),\n"),
        ")\n",
    ),
    "var_dump obj": Shape(
        "",
        (
            "object(User)#{k} (2) {{\n"
            '  ["email":protected]=>\n'
            '  string(1) "{e}"\n'
            '  ["phone":"User":private]=>\n'
            '  string(13) "{p}"\n'
            "}}\n"
        ),
        "",
    ),
    "yaml": Shape(
        "",
        ('- name: {n}\n  email: {e}\n  phone: "{p}"\n'),
        "",
    ),
    "yaml key": Shape(
        "",
        ('user{k}:\n  email: {e}\n  phone: "{p}"\n'),
        "",
    ),
    "yaml nested": Shape(
        "",
        ("- id: {k}\n  contact:\n    email: {e}\n    phone: {p}\n"),
        "",
    ),
    "ruby hash": Shape(
        "",
        ('{{\n  :email => "{e}",\n  :phone => "{p}"\n}},\n'),
        "",
    ),
    "js": Shape(
        "const people = [\n",
        ("{{\n  email: '{e}',\n  phone: '{p}'\n}},\n"),
        "];\n",
    ),
    "ini": Shape(
        "",
        ("[user{k}]\nemail={e}\nphone={p}\n"),
        "",
    ),
    "ini2": Shape(
        "",
        ("[user{k}]\nemail = {e}\nphone = {p}\n\n"),
        "",
    ),
    "toml": Shape(
        "",
        ('[[people]]\nemail = "{e}"\nphone = "{p}"\n\n'),
        "",
    ),
    "plist": Shape(
        (
            '<?xml version="1.0"?>\n'
            '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://x.example/p.dtd">\n'
            '<plist version="1.0">\n'
            "<array>\n"
        ),
        (
            "\t<dict>\n"
            "\t\t<key>name</key>\n"
            "\t\t<string>{n}</string>\n"
            "\t\t<key>email</key>\n"
            "\t\t<string>{e}</string>\n"
            "\t\t<key>phone</key>\n"
            "\t\t<string>{p}</string>\n"
            "\t</dict>\n"
        ),
        ("</array>\n</plist>\n"),
    ),
    "dl": Shape(
        "<html><dl>\n",
        ("<dt>{n}</dt>\n<dd>Email: {e}</dd>\n<dd>Phone: {p}</dd>\n"),
        "</dl></html>\n",
    ),
    "p br nolead": Shape(
        "<html><body>\n",
        "<p>{e}<br/>{p}</p>\n",
        "</body>",
    ),
    "p br labels": Shape(
        "<html><body>\n",
        "<p>Name: {n}<br/>Mail: {e}<br/>Tel: {p}</p>\n",
        "</body>",
    ),
    "numbered fields": Shape(
        "",
        ("1. Name: {n}\n2. Email: {e}\n3. Phone: {p}\n\n"),
        "",
    ),
    "numbered paren": Shape(
        "",
        ("{k}) {n}\n   {e}\n   {p}\n"),
        "",
    ),
    "numbered hash": Shape(
        "",
        ("#{k}\nEmail: {e}\nPhone: {p}\n"),
        "",
    ),
    "numbered bare": Shape(
        "",
        ("{k}.\n{e}\n{p}\n"),
        "",
    ),
    "bullets": Shape(
        "",
        ("* {n}\n  - Email: {e}\n  - Phone: {p}\n"),
        "",
    ),
    "bullets2": Shape(
        "",
        ("• Email: {e}\n• Phone: {p}\n\n"),
        "",
    ),
    "tree2": Shape(
        "",
        ("📄 {n}\n├──📧 Email: {e}\n├──🏠 City: X\n└──📱 Phone: {p}\n"),
        "",
    ),
    "tree3": Shape(
        "",
        ("┌ Email: {e}\n├ City: x\n└ Phone: {p}\n"),
        "",
    ),
    "tree ascii": Shape(
        "",
        ("{n}\n|-- Email: {e}\n`-- Phone: {p}\n"),
        "",
    ),
    "tree nested": Shape(
        "People\n",
        ("├─ Person {k}\n│  ├─ Email: {e}\n│  └─ Phone: {p}\n"),
        "",
    ),
    "emoji": Shape(
        "",
        ("👤 {n}\n📧 {e}\n📱 {p}\n\n"),
        "",
    ),
    "emoji nosep": Shape(
        "",
        ("📧 {e}\n📱 {p}\n➖➖➖➖➖\n"),
        "",
    ),
    "alt": Shape(
        "",
        ("Email\n{e}\nPhone\n{p}\n"),
        "",
    ),
    "alt colon": Shape(
        "",
        ("Email:\n{e}\nPhone:\n{p}\n\n"),
        "",
    ),
    "alt blank": Shape(
        "",
        ("Email\n{e}\n\nPhone\n{p}\n\n"),
        "",
    ),
    "alt blank2": Shape(
        "",
        ("Email\n{e}\n\nPhone\n{p}\n\n\n"),
        "",
    ),
    "alt polish": Shape(
        "",
        ("Adres e-mail\n{e}\nTelefon komórkowy\n{p}\n"),
        "",
    ),
    "alt name": Shape(
        "",
        ("Name\n{n}\nE-Mail\n{e}\nHandy\n{p}\n"),
        "",
    ),
    "rules": Shape(
        "",
        ("{n}\n{e}\n{p}\n-----\n"),
        "",
    ),
    "rules2": Shape(
        "",
        ("==========\nMail: {e}\n\nPhone: {p}\n"),
        "",
    ),
    "tabs": Shape(
        "",
        ("NAME\t{n}\nEMAIL\t{e}\nPHONE\t{p}\n"),
        "",
    ),
    "pipes": Shape(
        "",
        ("| Email | {e} |\n| Phone | {p} |\n\n"),
        "",
    ),
    "md bold": Shape(
        "",
        ("**Email:** {e}\n**Phone:** {p}\n\n"),
        "",
    ),
    "md list": Shape(
        "",
        ("- **Email**: {e}\n- **Phone**: `{p}`\n\n"),
        "",
    ),
    "dots": Shape(
        "",
        ("Email ........ {e}\nPhone ........ {p}\n\n"),
        "",
    ),
    "arrow": Shape(
        "",
        ("email -> {e}\nphone -> {p}\n\n"),
        "",
    ),
    "cn": Shape(
        "",
        ("姓名：张明\n邮箱：{e}\n手机：{p}\n\n"),
        "",
    ),
    "cn brackets": Shape(
        "",
        ("【邮箱】{e}\n【手机】{p}\n\n"),
        "",
    ),
    "brackets": Shape(
        "",
        ("[Email] {e}\n[Phone] {p}\n\n"),
        "",
    ),
    "ldif": Shape(
        "",
        (
            "dn: uid=u{k},dc=bank,dc=example\n"
            "objectClass: person\n"
            "objectClass: top\n"
            "cn: {n}\n"
            "mail: {e}\n"
            "telephoneNumber: {p}\n"
            "\n"
        ),
        "",
    ),
    "ldif comment": Shape(
        ("version: 1\n\n"),
        ("# entry-id: {k}\ndn: uid=u{k},dc=bank,dc=example\nmail: {e}\nmobile: {p}\n\n"),
        "",
    ),
    "blank bare 2 only": Shape(
        "",
        ("{e}\n{p}\n\n"),
        "",
    ),
    "intro cards": Shape(
        "Sample:\n",
        ("{n}\n{e}\n{p}\n"),
        "",
    ),
    "address cards": Shape(
        "",
        ("{n}\n1{k} Quill Lane\n10115 Mere\n{e}\n{p}\n\n"),
        "",
    ),
    "address cards labels": Shape(
        "",
        ("{n}\n1{k} Quill Lane, Mere\nE: {e}\nT: {p}\n\n"),
        "",
    ),
    "docx-like": Shape(
        "",
        ("{n}\nE-mail: {e}\nTel.: {p}\n\n"),
        "",
    ),
    "tel no colon": Shape(
        "",
        ("{n}\nTel. {p}\nMail {e}\n\n"),
        "",
    ),
    "crlf": Shape(
        "",
        ("{n}\r\n{e}\r\n{p}\r\n\r\n"),
        "",
    ),
    "json pretty in text": Shape(
        ("The sample:\n\n"),
        ('{{\n  "email": "{e}",\n  "phone": "{p}"\n}}\n'),
        "",
    ),
    "sql vertical comment": Shape(
        "",
        ("-- Email: {e}\n-- Phone: {p}\n--\n"),
        "",
    ),
    "eq spaced": Shape(
        "",
        ("EMAIL     = {e}\nPHONE     = {p}\n\n"),
        "",
    ),
    "record n": Shape(
        "",
        ("Record #{k}\n  Email : {e}\n  Phone : {p}\n"),
        "",
    ),
    "record n2": Shape(
        "",
        ("--- Record {k} ---\nEmail {e}\nPhone {p}\n"),
        "",
    ),
    "telegram": Shape(
        "",
        ("🆔 ID: 12{k}\n👤 Name: {n}\n📞 Phone: {p}\n✉️ Email: {e}\n➖➖➖➖➖➖➖\n"),
        "",
    ),
    "elastic": Shape(
        ('Dump:\n{\n  "hits" : {\n    "hits" : [\n'),
        (
            "      {{\n"
            '        "_index" : "u",\n'
            '        "_id" : "{k}",\n'
            '        "_source" : {{\n'
            '          "email" : "{e}",\n'
            '          "phone" : "{p}"\n'
            "        }}\n"
            "      }},\n"
        ),
        ("    ]\n  }\n}\n"),
    ),
    "dumper": Shape(
        "$VAR1 = [\n",
        ("          {{\n            'email' => '{e}',\n            'phone' => '{p}'\n          }},\n"),
        "        ];\n",
    ),
    "redis": Shape(
        "",
        ('1) "email"\n2) "{e}"\n3) "phone"\n4) "{p}"\n'),
        "",
    ),
    "powershell": Shape(
        "\n",
        ("name            : {n}\nmail            : {e}\ntelephoneNumber : {p}\n\n"),
        "",
    ),
    "sqlite line": Shape(
        "",
        ("   id = {k}\nemail = {e}\nphone = {p}\n\n"),
        "",
    ),
    "cn number": Shape(
        "",
        ("{k}、姓名：张明\n邮箱：{e}\n电话：{p}\n"),
        "",
    ),
    "md head": Shape(
        "",
        ("### {n}\n- email: {e}\n- phone: {p}\n"),
        "",
    ),
    "md head2": Shape(
        "",
        ("## Contact {k}\n\n**Email** {e}\n\n**Phone** {p}\n\n"),
        "",
    ),
    "org": Shape(
        "",
        ("* {n}\n:PROPERTIES:\n:EMAIL: {e}\n:PHONE: {p}\n:END:\n"),
        "",
    ),
    "bibtex": Shape(
        "",
        ("@person{{u{k},\n  email = {{{e}}},\n  phone = {{{p}}}\n}}\n"),
        "",
    ),
    "ticks": Shape(
        "",
        ("📧 `{e}`\n📞 `{p}`\n\n"),
        "",
    ),
    "soap": Shape(
        "<soap:list>\n",
        (
            "<soap:item>\n"
            '  <ns1:Mail xsi:type="xsd:string">{e}</ns1:Mail>\n'
            '  <ns1:Phone xsi:type="xsd:string">{p}</ns1:Phone>\n'
            "</soap:item>\n"
        ),
        "</soap:list>\n",
    ),
    "name:val xml": Shape(
        "<d>\n",
        (
            "<record>\n"
            ' <property name="email" value="{e}"/>\n'
            ' <property name="phone" value="{p}"/>\n'
            "</record>\n"
        ),
        "</d>\n",
    ),
    "xmlrpc": Shape(
        "<data>\n",
        (
            "<struct>\n"
            "<member><name>email</name><value><string>{e}</string></value></member>\n"
            "<member><name>phone</name><value><string>{p}</string></value></member>\n"
            "</struct>\n"
        ),
        "</data>\n",
    ),
    "guillemet": Shape(
        "",
        ("Email » {e}\nPhone » {p}\n\n"),
        "",
    ),
    "tr": Shape(
        "",
        ("E-posta: {e}\nTelefon: {p}\n\n"),
        "",
    ),
    "pl": Shape(
        "",
        ("Adres e-mail: {e}\nTelefon komórkowy: {p}\n\n"),
        "",
    ),
    "de": Shape(
        "",
        ("Vorname: Anna\nNachname: Berg\nE-Mail-Adresse: {e}\nMobilnummer: {p}\n\n"),
        "",
    ),
    "jp": Shape(
        "",
        ("氏名：山田\nメール：{e}\n電話番号：{p}\n\n"),
        "",
    ),
    "kr": Shape(
        "",
        ("이름: 김\n이메일: {e}\n전화: {p}\n\n"),
        "",
    ),
    "ar": Shape(
        "",
        ("البريد الإلكتروني: {e}\nالهاتف: {p}\n\n"),
        "",
    ),
    "ru": Shape(
        "",
        ("ФИО: Иванов\nПочта: {e}\nТелефон: {p}\n---------\n"),
        "",
    ),
    "long card": Shape(
        "",
        ("{n}\nSenior Manager\nQuill & Mere Ltd\n12 Quill Lane\n10115 Mere\nT {p}\nE {e}\n\n"),
        "",
    ),
    "two phones": Shape(
        "",
        ("Name: {n}\nPhone: +49171999{k:04}\nMobile: {p}\nEmail: {e}\n\n"),
        "",
    ),
    "phone lead mobile": Shape(
        "",
        ("Phone: +49171999{k:04}\nEmail: {e}\nMobile: {p}\n\n"),
        "",
    ),
    "name mail line": Shape(
        "",
        ("{n} <{e}>\n{p}\n\n"),
        "",
    ),
    "mail in label": Shape(
        "",
        ("User: {e}\nPass: secret{k}\nTel: {p}\n==========\n"),
        "",
    ),
    "stealer": Shape(
        "",
        ("URL: https://shop{k}.example/login\nUsername: {e}\nPassword: x{k}\nPhone: {p}\n===============\n"),
        "",
    ),
    "dash list name": Shape(
        "",
        ("- {n}\n  {e}\n  {p}\n"),
        "",
    ),
    "indented yaml deep": Shape(
        "users:\n",
        ("  - user:\n      email: {e}\n      phone: {p}\n"),
        "",
    ),
    "tsv vertical nosep id": Shape(
        "",
        ("ID\t{k}\nEMAIL\t{e}\nPHONE\t{p}\n"),
        "",
    ),
    "json5": Shape(
        "[\n",
        ('{{\n  email: "{e}",\n  contact: {{\n    phone: "{p}",\n  }},\n}},\n'),
        "]\n",
    ),
    "csharp": Shape(
        "",
        ('User {{\n  Email = "{e}",\n  Phone = "{p}"\n}}\n'),
        "",
    ),
    "rust dbg": Shape(
        "",
        ('User {{\n    email: "{e}",\n    phone: Some("{p}"),\n}}\n'),
        "",
    ),
    "java tostring": Shape(
        "",
        ("User [id={k}]\n  email={e}\n  phone={p}\n"),
        "",
    ),
    "html p each": Shape(
        "<html><body>\n",
        "<h4>{n}</h4><p>Email: {e}</p><p>Phone: {p}</p>\n",
        "</body></html>",
    ),
    "record colon": Shape(
        "",
        ("Record {k}:\n    Email: {e}\n    Phone: {p}\n"),
        "",
    ),
    "rule text": Shape(
        "",
        ("======= {n} =======\nEmail: {e}\nPhone: {p}\n"),
        "",
    ),
    "phone first bare": Shape(
        "",
        ("{p}\n{e}\n{n}\n\n"),
        "",
    ),
    "idcard": Shape(
        "",
        ("{n}\n{p}\n1101011990010100{k:02}\n{e}\n\n"),
        "",
    ),
    # Fields that are no identifiers have many digits, too.
    "psql uuid and time": Shape(
        "",
        (
            "-[ RECORD {k} ]---+-------------------------------------\n"
            "customer_id    | 8f14e45f-ceea-467f-a0e6-d0f0{k}a1b2c3d\n"
            "full_name      | {n}\n"
            "email_address  | {e}\n"
            "phone_number   | {p}\n"
            "created_at     | 2024-03-01 10:22:33.123+00\n"
        ),
        "\n(4 rows)\n",
    ),
    "mysql G session": Shape(
        "mysql> select * from users\\G\n",
        (
            "*************************** {k}. row ***************************\n"
            "       user_id: {k}\n"
            "    user_email: {e}\n"
            " billing_phone: {p}\n"
            "         token: 9f86d081884c7d659a2feaa0c55ad015\n"
            "       last_ip: 203.0.113.200\n"
        ),
        "4 rows in set (0.00 sec)\n",
    ),
    "mongosh": Shape(
        "test> db.users.find()\n[\n",
        (
            "  {{\n    _id: ObjectId('507f1f77bcf86cd79943901{k}'),\n    email: '{e}',\n"
            "    profile: {{ phone: '{p}', city: 'X' }}\n  }},\n"
        ),
        "]\n",
    ),
    "rust pretty": Shape(
        "[\n",
        (
            '    User {{\n        id: {k},\n        email: "{e}",\n'
            '        phone: Some(\n            "{p}",\n        ),\n    }},\n'
        ),
        "]\n",
    ),
    "yaml list in a record": Shape(
        "",
        ('- id: {k}\n  email: {e}\n  phones:\n    - "{p}"\n  tags: [a, b]\n'),
        "",
    ),
    "yaml two addresses": Shape(
        "",
        ('- name: {n}\n  emails:\n    - x{k}@shop.example\n    - {e}\n  phone: "{p}"\n'),
        "",
    ),
    "toml in parts": Shape(
        "",
        ('[[user]]\nid = {k}\nemail = "{e}"\n  [user.contact]\n  phone = "{p}"\n\n'),
        "",
    ),
    "number inside of the key": Shape(
        "",
        ("USER_{k}_EMAIL={e}\nUSER_{k}_PHONE={p}\n"),
        "",
    ),
    "xml cyrillic": Shape(
        "<Клиенты>\n",
        ("<Клиент>\n<ФИО>{n}</ФИО>\n<Почта>{e}</Почта>\n<Телефон>{p}</Телефон>\n</Клиент>\n"),
        "</Клиенты>\n",
    ),
    "xml value in an attribute": Shape(
        "<feed>\n",
        (
            "<entry>\n<title>{n}</title>\n<gd:email rel='#home' address='{e}'/>\n"
            "<gd:phoneNumber rel='#mobile'>{p}</gd:phoneNumber>\n</entry>\n"
        ),
        "</feed>\n",
    ),
    "tree of signs": Shape(
        "",
        ("+- user {k}\n|  +- mail: {e}\n|  \\- phone: {p}\n"),
        "",
    ),
    "alt given name": Shape(
        "",
        ("Imię\n{n}\nPoczta\n{e}\nKomórka\n{p}\n"),
        "",
    ),
    "two addresses in a row": Shape(
        "",
        ("Name: {n}\nE-mail: {e}\nE-mail: x{k}@shop.example\nPhone: {p}\n"),
        "",
    ),
    "message of a chat": Shape(
        "",
        ("[0{k}.02.2024 11:20] Bot: Email: {e}\nPhone: {p}\n\n"),
        "",
    ),
    "html headed rows": Shape(
        "<html><table>\n",
        (
            "<tr><td colspan=2>#{k}</td></tr><tr><td>E-mail</td><td>{e}</td></tr>"
            "<tr><td>Phone</td><td>{p}</td></tr>\n"
        ),
        "</table></html>\n",
    ),
    "numbers of unknown labels": Shape(
        "",
        (
            "uid: 10000000{k}\nemail: {e}\nphone: {p}\n"
            "regip: 203.0.113.{k}\nregdate: 170670670{k}\npoints: 3004005{k}\n"
        ),
        "",
    ),
    "words behind": Shape(
        "",
        ("{n}\nQuill Bank, Lesk\n{e}\n{p}\nactive since 2021\n\n"),
        "",
    ),
    "contact saved as text": Shape(
        "",
        (
            "Full Name:\t{n}\nLast Name:\tBerg\n\nMobile:\t{p}\n\n"
            "E-mail:\t{e}\nE-mail Display As:\t{n} ({e})\n\n\n"
        ),
        "",
    ),
    "message of a chat 2": Shape(
        "",
        ("01.02.24, 10:2{k} - Bot: Mail: {e}\nTel: {p}\n\n"),
        "",
    ),
    "ruby object": Shape(
        "",
        ('[#<User:0x000{k}\n  @email="{e}",\n  @id=1000020{k},\n  @phone="{p}">,\n'),
        "",
    ),
}
