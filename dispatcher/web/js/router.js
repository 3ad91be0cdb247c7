/** Which page an address names. The addresses are those of Flink's dashboard, so that bookmarks and links go on working. */

/** The parts of the address behind `#/`. */
export function currentRoute() {
  const address = location.hash.replace(/^#\/?/, "");
  return address.split("/").filter(Boolean).map(decoded);
}

/** The address of a page: `link("job", "running", id)`. */
export function link(...parts) {
  return `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
}

export function goTo(...parts) {
  location.hash = link(...parts);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
