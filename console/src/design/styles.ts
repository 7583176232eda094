import "@fontsource-variable/inter/wght.css";
import "./tokens.css";
import "./base.css";
import "./layout.css";
import "./components.css";
import "./table.css";
import "./overlay.css";
import "./charts.css";
