import { Animated } from "./animated";

export default function Page() {
  return (
    <main>
      <h1>The harbour</h1>
      <Animated src="/harbour.jpg" alt="The harbour" />
    </main>
  );
}
