declare module "*.css";
/** The address at which the build serves the file. */
declare module "*.svg" {
  const address: string;
  export default address;
}
