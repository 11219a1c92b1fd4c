// Sort and filter the table of all countries.

const RANK = ["open", "waitlist", "announced", "notify_only", "paused", "blocked"];
const table = document.querySelector("[data-availability]");
const filters = document.querySelector("[data-filters]");

if (table && filters) {
  const language = document.documentElement.lang;
  const collator = new Intl.Collator(language, { sensitivity: "base" });
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, position) => ({
    row,
    position,
    country: row.cells[0].textContent.trim(),
    statuses: [...row.cells].slice(1).map((cell) => cell.dataset.status),
  }));

  table.querySelectorAll("[data-sort]").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent.trim();
    button.addEventListener("click", () => sort(head, column));
    head.replaceChildren(button);
  });

  function sort(head, column) {
    const isDescending = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
    const sign = isDescending ? -1 : 1;
    rows.sort((a, b) => sign * compare(a, b, column) || a.position - b.position);
    body.append(...rows.map(({ row }) => row));
  }

  function compare(a, b, column) {
    if (column === 0) {
      return collator.compare(a.country, b.country);
    }
    return RANK.indexOf(a.statuses[column - 1]) - RANK.indexOf(b.statuses[column - 1]);
  }

  function filter() {
    const [country, product, status] = ["country", "product", "status"].map((name) => filters.querySelector(`#filter-${name}`).value);
    const wanted = country.trim().toLocaleLowerCase(language);
    let count = 0;
    for (const each of rows) {
      const statuses = product === "" ? each.statuses : [each.statuses[Number(product)]];
      const hasCountry = each.country.toLocaleLowerCase(language).includes(wanted) || each.row.dataset.code.toLowerCase() === wanted;
      const isShown = hasCountry && (!status || statuses.includes(status));
      each.row.hidden = !isShown;
      count += isShown;
    }
    filters.querySelector("[data-count]").textContent = new Intl.NumberFormat(language).format(count);
    document.querySelector("[data-none]").hidden = count > 0;
  }

  filters.hidden = false;
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filter();
}
