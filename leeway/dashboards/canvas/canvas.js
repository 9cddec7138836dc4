// Builds a picture (drawing.py) from nested lists: [tag, attributes, children, tip, click].
// Nothing is ever parsed as markup: elements and attributes come from the lists below, text is text.
const SVG = "http://www.w3.org/2000/svg";
const HTML_TAGS = new Set(["a", "b", "button", "code", "details", "div", "em", "h2", "h3", "h4", "li", "ol", "p", "pre",
  "span", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul"]);
const SVG_TAGS = new Set(["svg", "g", "path", "rect", "circle", "line", "polyline", "polygon", "text", "tspan", "title",
  "defs", "pattern", "marker", "clipPath"]);
const ATTRIBUTES = new Set(["class", "style", "href", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "d",
  "points", "width", "height", "viewBox", "preserveAspectRatio", "transform", "text-anchor", "dominant-baseline", "fill",
  "stroke", "stroke-width", "stroke-dasharray", "opacity", "id", "colspan", "role", "aria-hidden", "aria-label", "open",
  "data-group", "data-keep", "data-test", "patternUnits", "vector-effect", "marker-end", "dir"]);

function here(href) {
  try {
    const url = new URL(href, window.location.href);
    return url.origin === window.location.origin && url.protocol.startsWith("http");
  } catch {
    return false;
  }
}

function build(item, svg, say, tips) {
  if (typeof item === "string") return document.createTextNode(item);
  const [tag, attributes, children, tip, click] = item;
  const inSvg = svg || tag === "svg";
  if (!(inSvg ? SVG_TAGS : HTML_TAGS).has(tag)) throw new Error(`canvas: no element ${tag}`);
  const node = inSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!ATTRIBUTES.has(name)) throw new Error(`canvas: no attribute ${name}`);
    if (name === "href" && !here(value)) continue;
    node.setAttribute(name, value);
  }
  for (const child of children) node.appendChild(build(child, inSvg, say, tips));
  if (tip) tips.set(node, tip);
  if (click) {
    node.classList.add("clickable");
    if (tag !== "a" && tag !== "button") {
      node.setAttribute("role", "button");
      node.setAttribute("tabindex", "0");
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          say(click);
        }
      });
    }
    node.addEventListener("click", (event) => {
      // A link opened on purpose in a new tab stays a link.
      if (tag === "a" && (event.ctrlKey || event.metaKey || event.shiftKey)) return;
      event.preventDefault();
      event.stopPropagation();
      say(click);
    });
  }
  return node;
}

function hover(root, tips, bubble) {
  let group = null;
  root.addEventListener("mousemove", (event) => {
    let node = event.target;
    while (node && node !== root && !tips.has(node)) node = node.parentNode;
    const tip = node && tips.get(node);
    if (!tip) {
      bubble.style.display = "none";
    } else {
      bubble.textContent = tip;
      bubble.style.display = "block";
      const box = bubble.getBoundingClientRect();
      const left = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
      const below = event.clientY + 18;
      bubble.style.left = `${Math.max(8, left)}px`;
      bubble.style.top = `${below + box.height > window.innerHeight ? event.clientY - box.height - 10 : below}px`;
    }
    // Elements of one group (a node of the graph and its edges) light up together.
    const member = event.target.closest?.("[data-group]");
    const name = member ? member.getAttribute("data-group").split(" ")[0] : null;
    if (name !== group) {
      group = name;
      root.classList.toggle("dimmed", group !== null);
      for (const other of root.querySelectorAll("[data-group]")) {
        other.classList.toggle("lit", group !== null && other.getAttribute("data-group").split(" ").includes(group));
      }
    }
  });
  root.addEventListener("mouseleave", () => {
    bubble.style.display = "none";
    group = null;
    root.classList.remove("dimmed");
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const old = parentElement.querySelector(".canvas");
  const kept = new Map();
  for (const node of old ? old.querySelectorAll("[data-keep]") : []) {
    kept.set(node.getAttribute("data-keep"), [node.scrollTop, node.scrollLeft, node.open]);
  }
  const tips = new Map();
  const root = document.createElement("div");
  root.className = "canvas";
  root.appendChild(build(data, false, (click) => setTriggerValue("clicked", click), tips));
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  root.appendChild(bubble);
  hover(root, tips, bubble);
  if (old) old.replaceWith(root);
  else parentElement.appendChild(root);
  for (const node of root.querySelectorAll("[data-keep]")) {
    const was = kept.get(node.getAttribute("data-keep"));
    if (was) {
      [node.scrollTop, node.scrollLeft] = was;
      if (was[2] !== undefined && node.tagName === "DETAILS") node.open = was[2];
    } else {
      node.querySelector(".scroll-here")?.scrollIntoView({ block: "center" });
    }
  }
}
