
const rules = [...option.attributes].filter((a) => a.name.startsWith("data-hide-"));
