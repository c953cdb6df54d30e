// Tables of trades: sorted, filtered by coin, fifty at a time; a trade is marked in its chart.
// `root` holds the report; `chartOf` gives the address of a coin's chart at a time, where one is.
var showTrades = (root, chartOf = () => null) => {
  const NAMES = ["Coin", "Side", "Source", "Entered", "Held", "Entry", "Exit", "Ended by", "Net", "R", "Best, bp", "Worst, bp"];
  const SHOWN = 50;
  const held = ms => ms < 36e5 ? `${Math.round(ms / 6e4)} min` : `${(ms / 36e5).toFixed(1)} h`;
  const signed = (value, digits) => `${value < 0 ? "−" : value > 0 ? "+" : ""}${Math.abs(value).toFixed(digits)}`;
  const price = value => String(Number(value.toPrecision(7)));
  const tone = value => value > 0 ? "long" : value < 0 ? "short" : "";

  for (const section of root.querySelectorAll("section.trades")) {
    const all = JSON.parse(section.querySelector("script").textContent)
      .map(row => [...row.slice(0, 4), row[4] - row[3], ...row.slice(5), row[4]]);
    const [head, body, pager] = ["thead", "tbody", ".pager"].map(each => section.querySelector(each));
    const chart = section.parentElement.querySelector(".chart");
    let rows = all, by = 3, down = true, first = 0;

    const cell = (tag, text, kind = "") => {
      const made = document.createElement(tag);
      made.textContent = text;
      made.className = kind;
      return made;
    };
    const coin = row => {
      const made = cell("th", ""), address = chartOf(row[0], row[3]);
      const name = cell(address ? "a" : "button", row[0], "line");
      if (address) name.href = address;
      made.append(name);
      return made;
    };
    const mark = (line, row) => {
      const [since, until] = chart.dataset.times.split(",").map(Number);
      const x = 1000 * (row[12] - since) / (until - since), at = chart.querySelector(".at");
      at.setAttribute("x1", x);
      at.setAttribute("x2", x);
      at.removeAttribute("hidden");
      body.querySelectorAll("[aria-selected]").forEach(each => each.removeAttribute("aria-selected"));
      line.setAttribute("aria-selected", "true");
      chart.scrollIntoView({block: "nearest"});
    };
    const draw = () => {
      body.replaceChildren(...rows.slice(first, first + SHOWN).map(row => {
        const line = document.createElement("tr");
        line.append(
          coin(row), cell("td", row[1], row[1].toLowerCase()), cell("td", row[2]),
          cell("td", new Date(row[3]).toISOString().slice(0, 16).replace("T", " ")), cell("td", held(row[4]), "num"),
          cell("td", price(row[5]), "num"), cell("td", price(row[6]), "num"), cell("td", row[7]),
          cell("td", signed(row[8], 2), `num ${tone(row[8])}`), cell("td", signed(row[9], 2), `num ${tone(row[9])}`),
          cell("td", signed(row[10], 0), "num"), cell("td", signed(row[11], 0), "num"));
        line.addEventListener("click", () => mark(line, row));
        return line;
      }));
      place.textContent = rows.length ? `${first + 1} to ${Math.min(first + SHOWN, rows.length)} of ${rows.length}` : "none";
    };
    const sort = () => {
      rows.sort((a, b) => (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0) * (down ? -1 : 1));
      first = 0;
      draw();
    };

    const titles = document.createElement("tr");
    NAMES.forEach((name, at) => {
      const title = cell("th", "", at > 3 && at !== 7 ? "num" : ""), button = cell("button", name);
      button.addEventListener("click", () => { [by, down] = [at, by === at ? !down : true]; sort(); });
      title.append(button);
      titles.append(title);
    });
    head.append(titles);
    const choice = document.createElement("select"), place = cell("span", "", "muted");
    choice.setAttribute("aria-label", "Coin");
    choice.append(...["all coins", ...new Set(all.map(row => row[0]).sort())].map(name => cell("option", name)));
    choice.addEventListener("change", () => {
      rows = choice.selectedIndex ? all.filter(row => row[0] === choice.value) : all;
      sort();
    });
    const step = (text, by) => {
      const button = cell("button", text);
      button.addEventListener("click", () => {
        if (first + by >= 0 && first + by < rows.length) { first += by; draw(); }
      });
      return button;
    };
    pager.append(choice, step("‹ before", -SHOWN), step("after ›", SHOWN), place);
    sort();
  }
};
showTrades(document);
